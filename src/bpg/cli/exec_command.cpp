#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/exec.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/foreground.hpp"
#include "bpg/util/process.hpp"

namespace bpg::cli {

namespace {

constexpr int not_executable = 126;  // as the shell says it (POSIX, "Exit Status for Commands")
constexpr int not_found = 127;

struct Options {
  std::string source;
  bool fast = false;
  bool keep = false;
  std::vector<std::string> command;
};

/// Whether the command can be run at all, before a branch is made for it: the exit status that says it cannot.
int check(const CommandLine& line, const std::string& program) {
  const bool has_slash = program.find('/') != std::string::npos;
  if (has_slash ? ::access(program.c_str(), F_OK) != 0 : !find_program(program)) {
    line.output.error(Error(ErrorCode::not_found, fmt::format("there is no command '{}'", program),
                            "What stands behind -- is run as it is, without a shell."));
    return not_found;
  }
  if (has_slash && (::access(program.c_str(), X_OK) != 0 || std::filesystem::is_directory(program))) {
    line.output.error(Error(ErrorCode::permission, fmt::format("{} is not executable", program),
                            fmt::format("'ls -ld {}' shows what it is.", program)));
    return not_executable;
  }
  return 0;
}

int run_command(const CommandLine& line, const std::vector<std::string>& command, const engine::ExecEnvironment& environment) {
  line.output.end_progress();
  try {
    return run_in_foreground({.argv = command, .env = environment});
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) {
      throw;
    }
    line.output.error(error);
    return not_executable;
  }
}

/// Standard error is the command's, too, and its terminal may be gone: whether this can be printed must not matter.
void say(const std::string& text) { std::fputs(text.c_str(), stderr); }

/// Of a branch that was kept: its name alone where a program may read it, with what to do about it on a terminal.
std::string about_kept(const CommandLine& line, const std::string& subject) {
  return subject + "\n" +
         (line.output.quiet ? "" : next_commands({{"bpg connect " + subject, "psql on it"}, {"bpg branch delete " + subject, "when it is not needed any more"}}));
}

void run(CommandLine& line, const Options& options) {
  const engine::Exec request{.source = line.subject_at(options.source), .fast = options.fast, .keep = options.keep};
  line.exit_status = check(line, options.command.front());
  if (line.exit_status != 0) {
    return;
  }
  // Standard error is the command's: where nobody looks at it, what was recovered is not told there.
  line.output.quiet = line.output.quiet || !is_terminal(STDERR_FILENO);
  const auto context = line.open();
  const auto result = engine::exec(*context, request, [&](const engine::ExecEnvironment& environment, const Subject&) {
    return run_command(line, options.command, environment);
  });
  if (result.kept) {
    say(about_kept(line, result.kept->subject()));
  }
  if (!result.left_behind.empty()) {
    say(fmt::format("bpg: the branch was left behind, for the next command to remove: {}\n", result.left_behind));
  }
  line.exit_status = result.exit_status;
}

}  // namespace

void add_exec_command(CLI::App& root, CommandLine& line) {
  auto options = options_of<Options>();
  Command* command = add_command(root, "exec", "Run a command with a branch of its own, which goes when the command ends",
                                  "  bpg exec app -- pytest -x                          on a branch of app/main\n"
                                  "  bpg exec app/main@fixtures -- make test            of a snapshot: quicker still\n"
                                  "  bpg exec app --keep -- ./migrate.sh                the branch stays; its name is on standard error\n");
  command->details =
      "The command finds DATABASE_URL, PGHOST, PGPORT, PGUSER, PGDATABASE and PGPASSFILE in its environment. Its exit status is "
      "bpg's: 127 where it is not found, 126 where it cannot be run, 128 + N where signal N ended it. The branch syncs nothing to "
      "disk and does not survive a power cut, unless it is kept.";
  command->add_option("source", options->source, "The branch to begin from; with '@', at a moment")->required()->type_name("SUBJECT[@MOMENT]");
  command->add_option("command", options->command, "After --: the command with its arguments")->required()->type_name("COMMAND");
  command->add_flag("--fast", options->fast, "No checkpoint on the source: crash-consistent; atomic storage only");
  command->add_flag("--keep", options->keep, "Keep the branch, as an ordinary one, and print its name on standard error");
  command->callback([&line, options] { line.action = [&line, options] { run(line, *options); }; });
}

}  // namespace bpg::cli
