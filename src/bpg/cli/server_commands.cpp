#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/servers.hpp"
#include "bpg/util/error.hpp"

namespace bpg::cli {

namespace {

struct Command {
  engine::ServerAction action;
  const char* name;
  const char* description;
  const char* examples;
};

void add(CLI::App& root, CommandLine& line, const Command& which) {
  struct Options {
    std::vector<std::string> subjects;
    bool all = false;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(root, which.name, which.description, which.examples);
  CLI::Option* subjects = command->add_option("subjects", options->subjects, "DATABASE/BRANCH …")->type_name("SUBJECT");
  command->add_flag("--all", options->all, "All branches")->excludes(subjects);
  const auto action = which.action;
  command->callback([&line, options, action] {
    line.action = [&line, options, action] {
      engine::ControlServers request{.action = action, .all = options->all};
      for (const std::string& subject : options->subjects) {
        request.subjects.push_back(Subject::parse(subject));
      }
      if (request.subjects.empty() && !request.all) {
        throw Error(ErrorCode::usage, "name a branch, or say --all", "'bpg status' lists the branches.");
      }
      const auto context = line.open();
      const auto branches = engine::control_servers(*context, request);
      std::string text;
      for (const auto& branch : branches) {
        text += branch.status == "running" ? fmt::format("{} is running on {}:{}\n", branch.subject(), branch.host, branch.port)
                                           : fmt::format("{} is {}\n", branch.subject(), branch.status);
      }
      line.output.result(to_json(branches), names(branches), text.empty() ? "There are no branches.\n" : text);
    };
  });
}

}  // namespace

void add_server_commands(CLI::App& root, CommandLine& line) {
  add(root, line, {engine::ServerAction::start, "start", "Start the servers of branches",
                   "  bpg start app/main app/fix-login\n  bpg start --all              after a reboot\n"});
  add(root, line, {engine::ServerAction::stop, "stop", "Stop the servers of branches; their sessions are ended",
                   "  bpg stop app/fix-login\n  bpg stop --all\n"});
  add(root, line, {engine::ServerAction::restart, "restart", "Stop and start the servers of branches", "  bpg restart app/main\n"});
}

}  // namespace bpg::cli
