#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/setup.hpp"
#include "bpg/util/shell.hpp"
#include "bpg/util/terminal.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

std::string shell_words(const std::vector<std::string>& command) {
  std::vector<std::string> words;
  for (const std::string& word : command) {
    const bool plain = word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=,:@+") == std::string::npos;
    words.push_back(plain && !word.empty() ? word : shell_quoted(word));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

/// A command, or a file and what it will hold.
std::string text_of(const storage::Step& step) {
  return step.command.empty() ? fmt::format("{}: {}", step.file.string(), trim(step.content)) : shell_words(step.command);
}

std::vector<std::string> texts_of(const storage::DelegationPlan& plan) {
  std::vector<std::string> texts;
  for (const storage::Step& step : plan.steps) {
    texts.push_back(text_of(step));
  }
  return texts;
}

std::string introduction(const engine::Setup& request, const storage::DelegationPlan& plan) {
  return request.remove ? fmt::format("To take {} back from '{}', root has to do this:\n", plan.dataset, request.user)
                        : fmt::format("To let '{}' have branches in {}, root has to do this:\n", request.user, plan.dataset);
}

std::string listing(const engine::Setup& request, const storage::DelegationPlan& plan) {
  std::string text = introduction(request, plan);
  for (const std::string& step : texts_of(plan)) {
    text += "  " + step + "\n";
  }
  return text;
}

/// The same command, as root would give it without being asked.
std::string agreeing(const engine::Setup& request) {
  std::vector<std::string> words{"sudo", "bpg", "setup", "--user", request.user};
  const auto add = [&words](const char* option, const std::string& value) { words.insert(words.end(), {option, value}); };
  if (!request.pool.empty()) {
    add("--pool", request.pool);
  }
  for (const std::string& option : request.zfs_options) {
    add("--zfs-option", option);
  }
  if (request.remove) {
    words.emplace_back("--remove");
  }
  words.emplace_back("--yes");
  return shell_words(words);
}

std::string result_of(const engine::Setup& request, const storage::DelegationPlan& plan) {
  return request.remove ? fmt::format("Took {} back from '{}'.\n", plan.dataset, request.user)
                        : fmt::format("'{0}' may have branches in {1}, mounted in {2}.\nNext, as '{0}': bpg init --storage zfs\n",
                                      request.user, plan.dataset, plan.root.string());
}

void run(CommandLine& line, const engine::Setup& request) {
  const auto plan = engine::plan_setup(request);
  const bool asks = !line.yes && ::geteuid() == 0 && is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO);
  if (asks) {
    fmt::print(stderr, "{}", listing(request, plan));
  }
  const bool agreed = line.yes || (asks && bpg::confirm("Do it?"));
  if (agreed) {
    engine::apply_setup(request, plan);
  }
  const nlohmann::ordered_json json{{"user", request.user},
                                    {"dataset", plan.dataset},
                                    {"root", plan.root.string()},
                                    {"steps", texts_of(plan)},
                                    {"done", agreed}};
  const std::string nothing = asks ? "Nothing was changed.\n"
                                   : listing(request, plan) + "Nothing was changed.\n" + next_commands({{agreeing(request), "does it"}});
  line.output.result(json, agreed ? plan.dataset : "", agreed ? result_of(request, plan) : nothing);
}

}  // namespace

void add_setup_command(CLI::App& root, CommandLine& line) {
  auto request = options_of<engine::Setup>();
  CLI::App* command = add_command(root, "setup", "Let a user who is not root have branches on ZFS: say what it takes, and do it",
                                  "  bpg setup --user dev                       what root would have to do; changes nothing\n"
                                  "  sudo bpg setup --user dev --pool tank      shows it, asks, and does it\n"
                                  "  sudo bpg setup --user dev --zfs-option quota=500G --yes      without a question\n"
                                  "  sudo bpg setup --user dev --remove         takes it back\n",
                                  {ErrorCode::not_found, ErrorCode::already_exists, ErrorCode::refused});
  command->add_option("--user", request->user, "Who is to have branches there")->type_name("USER")->required();
  command->add_option("--pool", request->pool, "The ZFS pool or dataset to use (the one with the most free space)")->type_name("NAME");
  command->add_option("--zfs-option", request->zfs_options, "A property of their dataset, such as quota=500G; repeatable")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--remove", request->remove, "Take it back; refused while it is in use");
  command->callback([&line, request] { line.action = [&line, request] { run(line, *request); }; });
}

}  // namespace bpg::cli
