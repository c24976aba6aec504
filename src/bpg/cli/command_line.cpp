#include "bpg/cli/command_line.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "bpg/cli/text.hpp"
#include "bpg/engine/recover.hpp"
#include "bpg/engine/restore_plan.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/time_zone.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/workspace/branch_name.hpp"
#include "bpg/workspace/git.hpp"
#include "bpg/workspace/pin.hpp"

namespace bpg::cli {

namespace {

std::string remark_on_passed_over(const std::filesystem::path& file) {
  return fmt::format("{} is passed over: it, or its directory, belongs to another user.", file.string());
}

}  // namespace

std::unique_ptr<engine::Context> CommandLine::open() {
  output.begin_progress();
  auto context = engine::open_context(config_file);
  context->before_restore = [this](const engine::RestorePlan& plan) {
    constexpr std::chrono::seconds worth_telling{2};
    if (plan.estimated >= worth_telling) {
      output.note_on_the_way("restoring\n" + restored_lines(plan));
    }
  };
  for (const std::string& line : step("recover", [&] { return engine::recover(*context); })) {
    output.note(line);
  }
  return context;
}

std::unique_ptr<engine::Context> CommandLine::open_at(const std::string& timezone) {
  if (!timezone.empty()) {
    TimeZone::find(timezone);  // a wrong one is an error also where no time needs it
  }
  auto context = open();
  if (!timezone.empty()) {
    context->config.timezone = timezone;
  }
  return context;
}

void add_timezone_option(CLI::App& command, std::string& timezone) {
  command.add_option("--timezone", timezone, "The zone of times that say none, such as Europe/Berlin, local or +02:00")->type_name("ZONE");
}

void CommandLine::confirm_irreversible(const std::string& question) const {
  if (!yes && is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO) && !bpg::confirm(question)) {
    throw Error(ErrorCode::interrupted, "nothing was changed");
  }
}

Subject CommandLine::subject(std::string_view text) {
  const SubjectAt read = subject_at(text);
  if (!read.moment.empty()) {
    throw Error(ErrorCode::usage, fmt::format("'{}' names a moment where a branch is wanted", text),
                "Leave '@' and what follows it out.");
  }
  return read.subject;
}

SubjectAt CommandLine::subject_at(std::string_view text) {
  if (says_database(text)) {
    return SubjectAt::parse(text);
  }
  const auto [pin, passed_over] = workspace::find_pin();
  if (pin) {
    pin_remark = fmt::format("A word without a slash is a branch of '{0}' here, because {1} pins it{2}.", pin->database, pin->file.string(),
                             text == pin->database ? fmt::format("; its own branch is '{}'", main_branch) : "");
    return workspace::parse_subject(text, *pin);
  }
  if (!passed_over.empty()) {
    pin_remark = remark_on_passed_over(passed_over);
  }
  return SubjectAt::parse(text);
}

std::string CommandLine::snapshot_reference(std::string_view text) {
  if (SnapshotId::parse(text)) {
    return std::string(text);
  }
  const SubjectAt at = subject_at(text);
  return at.moment.empty() ? std::string(text) : at.str();  // without a moment it is refused, in the words that were typed
}

Subject CommandLine::subject_or_followed(const std::optional<std::string>& text) {
  if (text) {
    return subject(*text);
  }
  const auto [pin, passed_over] = workspace::find_pin();
  if (!pin) {
    throw Error(ErrorCode::usage, "name a branch",
                passed_over.empty() ? fmt::format("In a git work tree with a {} it is the one that follows the git branch.", workspace::pin_name)
                                    : remark_on_passed_over(passed_over));
  }
  const auto git_branch = workspace::current_git_branch(workspace::open_work_tree());
  if (!git_branch) {
    throw Error(ErrorCode::usage, "name a branch: no git branch is checked out that one could follow",
                "Check one out: 'git switch BRANCH'.");
  }
  const Subject followed{pin->database, workspace::branch_name_of(*git_branch)};
  pin_remark = fmt::format("{} follows the git branch '{}'; 'bpg git sync' makes it.", followed.str(), *git_branch);
  return followed;
}

Error CommandLine::explained(const Error& error) const {
  if (pin_remark.empty() || (error.code() != ErrorCode::not_found && error.code() != ErrorCode::usage)) {
    return error;
  }
  return Error(error.code(), error.message(), error.hint().empty() ? pin_remark : error.hint() + " " + pin_remark);
}

namespace {

Command* add(CLI::App& parent, const std::string& name, const std::string& description) {
  auto command = std::make_shared<Command>(description, name, parent);
  command->fallthrough();
  parent.add_subcommand(command);
  return command.get();
}

}  // namespace

Command* add_command(CLI::App& parent, const std::string& name, const std::string& description, const std::string& examples,
                     std::vector<ErrorCode> may_refuse) {
  Command* command = add(parent, name, description);
  command->examples = examples;
  command->may_refuse = std::move(may_refuse);
  return command;
}

Command* add_group(CLI::App& parent, const std::string& name, const std::string& description) {
  Command* group = add(parent, name, description);
  group->require_subcommand(1);
  return group;
}

}  // namespace bpg::cli
