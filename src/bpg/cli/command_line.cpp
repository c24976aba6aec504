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

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->fallthrough();
  if (!examples.empty()) {
    command->footer("\nExamples:\n" + examples);
  }
  return command;
}

CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& description) {
  CLI::App* group = parent.add_subcommand(name, description);
  group->fallthrough();
  group->require_subcommand(1);
  return group;
}

}  // namespace bpg::cli
