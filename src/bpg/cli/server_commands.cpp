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
  const char* wanted;  ///< what --wanted does; null: there is no such flag
  const char* examples;
};

engine::ServerChoice choice(bool all, bool wanted) {
  if (all) {
    return engine::ServerChoice::all;
  }
  return wanted ? engine::ServerChoice::wanted : engine::ServerChoice::named;
}

void add(CLI::App& root, CommandLine& line, const Command& which) {
  struct Options {
    std::vector<std::string> subjects;
    bool all = false;
    bool wanted = false;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(root, which.name, which.description, which.examples);
  CLI::Option* subjects = command->add_option("subjects", options->subjects, "DATABASE/BRANCH …")->type_name("SUBJECT");
  CLI::Option* all = command->add_flag("--all", options->all, "All branches")->excludes(subjects);
  if (which.wanted) {
    command->add_flag("--wanted", options->wanted, which.wanted)->excludes(subjects)->excludes(all);
  }
  const auto action = which.action;
  command->callback([&line, options, action] {
    line.action = [&line, options, action] {
      engine::ControlServers request{.action = action, .choice = choice(options->all, options->wanted)};
      for (const std::string& subject : options->subjects) {
        request.subjects.push_back(line.subject(subject));
      }
      if (request.subjects.empty() && request.choice == engine::ServerChoice::named) {
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
                   "Those that nobody has stopped: for after a reboot",
                   "  bpg start app/main app/fix-login\n  bpg start --wanted           after a reboot\n"});
  add(root, line, {engine::ServerAction::stop, "stop", "Stop the servers of branches; their sessions are ended",
                   "Those that run, until 'bpg start --wanted': for before a reboot",
                   "  bpg stop app/fix-login\n  bpg stop --all\n"});
  add(root, line, {engine::ServerAction::restart, "restart", "Stop and start the servers of branches", nullptr,
                   "  bpg restart app/main\n"});
}

}  // namespace bpg::cli
