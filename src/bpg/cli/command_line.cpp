#include "bpg/cli/command_line.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "bpg/engine/recover.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::cli {

std::unique_ptr<engine::Context> CommandLine::open() {
  output.begin_progress();
  auto context = engine::open_context(config_file);
  for (const std::string& line : step("recover", [&] { return engine::recover(*context); })) {
    output.note(line);
  }
  return context;
}

void CommandLine::confirm_irreversible(const std::string& question) const {
  if (!yes && is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO) && !bpg::confirm(question)) {
    throw Error(ErrorCode::interrupted, "nothing was changed");
  }
}

Subject CommandLine::subject(std::string_view text) { return Subject::parse(text); }

SubjectAt CommandLine::subject_at(std::string_view text) { return SubjectAt::parse(text); }

std::string CommandLine::snapshot_reference(std::string_view text) {
  return SnapshotId::parse(text) ? std::string(text) : subject_at(text).str();
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
