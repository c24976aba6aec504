#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "bpg/runtime/runtime.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/fd.hpp"

namespace bpg::runtime {

/// What is the same of a server however it was started: its postmaster is a process of this machine, which tells of itself in its
/// data directory.

/// The arguments of `postgres` for this server, without the program.
std::vector<std::string> server_arguments(const ServerSpec& spec);

/// Readable once the process has ended (pidfd_open(2)); none where there is no such process.
UniqueFd open_process(pid_t pid);

/// False where it has not ended within `deadline`. Throws `Error{interrupted}`.
bool wait_for_end(int pidfd, std::chrono::milliseconds deadline);

enum class Startup { ready, ended, late };

struct StartingServer {
  int pidfd = -1;
  pid_t pid = 0;         ///< as this machine numbers it
  pid_t own_number = 0;  ///< as it stands in postmaster.pid
};

/// Waits until the server says that it is ready, or has ended, or the deadline has passed; tells `spec.recovering` meanwhile.
/// Throws `Error{interrupted}`.
Startup wait_until_ready(const ServerSpec& spec, const StartingServer& server, std::chrono::seconds deadline);

/// As `Runtime::wait_until_quiet`.
void wait_until_no_process(const ServerSpec& spec);

/// The errors of a start and a stop, with the end of the server's log file.
Error did_not_start(const ServerSpec& spec);
Error was_not_ready(const ServerSpec& spec, std::chrono::seconds deadline);
Error did_not_stop(const ServerSpec& spec, pid_t pid, std::chrono::seconds deadline);
Error has_gone_away(const ServerSpec& spec);

}  // namespace bpg::runtime
