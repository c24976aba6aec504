#pragma once

#include <map>
#include <string>
#include <vector>

namespace bpg {

struct ForegroundCommand {
  std::vector<std::string> argv;             ///< argv[0] is looked up in PATH where it has no slash
  std::map<std::string, std::string> env{};  ///< added to this process's environment
};

/// Runs a command in this process's place, to its end: with its standard streams, in its process group, so that the
/// terminal's job control works on both. SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 that somebody sends to
/// this process are passed on, and one that is sent to the whole group so reaches the command twice; those that the
/// terminal sends have reached it anyway. Where this process is killed, the command is sent SIGTERM.
///
/// The exit status: the command's, or 128 + the signal that ended it. Throws `Error{interrupted}` where a signal came
/// before, and where the command cannot be run. To be called where no other thread runs.
int run_in_foreground(const ForegroundCommand& command);

}  // namespace bpg
