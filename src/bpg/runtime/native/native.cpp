#include "bpg/runtime/native/native.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "bpg/runtime/postmaster.hpp"
#include "bpg/runtime/server_process.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::runtime {

namespace {

UniqueFd start_log_keeper(const ServerSpec& spec) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw system_error(errno, "cannot make a pipe");
  }
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  spawn({.argv = {companion_program("bpg-log").string(), spec.log_file.string()},
         .account = spec.account,
         .directory = "/",
         .stdin_fd = read_end.get(),
         .new_session = true});
  return write_end;
}

std::vector<std::string> command_line(const ServerSpec& spec) {
  std::vector<std::string> argv = server_arguments(spec);
  argv.insert(argv.begin(), spec.program.string());
  return argv;
}

/// Ends a server that did not come up. Nobody has used it yet.
void give_up(Child& server) {
  const HoldInterrupts hold;
  ::kill(server.pid(), SIGINT);
  if (!wait_for_end(server.pidfd(), std::chrono::seconds(5))) {
    ::kill(server.pid(), SIGQUIT);
  }
  server.wait();
}

void wait_or_give_up(const ServerSpec& spec, Child& server, std::chrono::seconds deadline) {
  Startup startup{};
  try {
    startup = wait_until_ready(spec, {.pidfd = server.pidfd(), .pid = server.pid(), .own_number = server.pid()}, deadline);
  } catch (...) {
    give_up(server);
    throw;
  }
  if (startup == Startup::ended) {
    server.wait();
    // The log keeper may still be writing the reason.
    ::poll(nullptr, 0, 20);
    throw did_not_start(spec);
  }
  if (startup == Startup::late) {
    give_up(server);
    throw was_not_ready(spec, deadline);
  }
}

/// Ends the server of `spec`, if one runs, by a signal that makes it shut down, and waits until it is gone.
void end_by(int signal, const ServerSpec& spec, const ServerStatus& now, std::chrono::seconds deadline) {
  if (now.running) {
    const UniqueFd process = open_process(now.pid);
    if (process) {
      ::kill(now.pid, signal);
      if (!wait_for_end(process.get(), deadline)) {
        throw did_not_stop(spec, now.pid, deadline);
      }
    }
  }
  remove_tree(spec.socket_directory);
}

}  // namespace

void NativeRuntime::start(const ServerSpec& spec, std::chrono::seconds deadline) {
  wait_until_quiet(spec);
  // What a killed server wrote there: its process number may be that of any process by now, of the new server too after a reboot.
  // PostgreSQL does not need the file to find a backend that lives on: it asks the shared memory of the directory (sysv_shmem.c).
  remove_tree(spec.data_directory / "postmaster.pid");
  const Owner owner{spec.account.uid, spec.account.gid};
  remove_tree(spec.socket_directory);
  make_directory(spec.socket_directory, 0700, owner);
  const UniqueFd log = start_log_keeper(spec);
  Child server = spawn({.argv = command_line(spec),
                        .account = spec.account,
                        .directory = "/",
                        .stdout_fd = log.get(),
                        .stderr_fd = log.get(),
                        .new_session = true});
  wait_or_give_up(spec, server, deadline);
}

void NativeRuntime::stop(const ServerSpec& spec, std::chrono::seconds deadline) {
  // "Fast" shutdown: sessions are ended, everything is written (pg_ctl(1)).
  end_by(SIGINT, spec, status(spec), deadline);
}

void NativeRuntime::discard(const ServerSpec& spec, std::chrono::seconds deadline) {
  // "Immediate" shutdown: after five seconds the server itself kills what of it is left.
  end_by(SIGQUIT, spec, status(spec), deadline);
}

void NativeRuntime::reload(const ServerSpec& spec) {
  const ServerStatus now = status(spec);
  if (!now.running || ::kill(now.pid, SIGHUP) != 0) {
    throw has_gone_away(spec);
  }
}

void NativeRuntime::wait_until_quiet(const ServerSpec& spec) const { wait_until_no_process(spec); }

ServerStatus NativeRuntime::status(const ServerSpec& spec) const {
  const auto file = read_postmaster_file(spec.data_directory);
  if (!file || !serves(file->pid, spec.data_directory)) {
    return {};
  }
  return {.running = true, .ready = file->status == "ready", .pid = file->pid};
}

}  // namespace bpg::runtime
