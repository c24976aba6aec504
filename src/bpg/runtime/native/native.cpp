#include "bpg/runtime/native/native.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "bpg/runtime/native/postmaster.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"

namespace bpg::runtime {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// postmaster.pid is written by the server without a signal to anybody, so its end state is looked for this often.
constexpr milliseconds look_again_after{2};
constexpr milliseconds tell_again_after{100};

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
  std::vector<std::string> argv{spec.program.string(), "-D", spec.data_directory.string()};
  const auto set = [&argv](const std::string& name, const std::string& value) {
    argv.push_back("-c");
    argv.push_back(name + "=" + value);
  };
  set("port", fmt::format("{}", spec.port));
  set("unix_socket_directories", spec.socket_directory.string());
  set("cluster_name", spec.identity);
  for (const auto& [name, value] : spec.settings) {
    set(name, value);
  }
  return argv;
}

/// The last lines of the log that tell of a failure, on one line.
std::string last_words(const fs::path& log_file) {
  const std::string log = read_file_if_exists(log_file).value_or("");
  std::string words;
  constexpr size_t tail = 4096;
  for (const std::string_view line : split(std::string_view(log).substr(log.size() > tail ? log.size() - tail : 0), '\n')) {
    for (const std::string_view level : {"FATAL:", "PANIC:"}) {
      const size_t at = line.find(level);
      if (at != std::string_view::npos) {
        words = trim(line.substr(at + level.size()));
      }
    }
  }
  return words.empty() ? "its log says no more" : words;
}

/// PostgreSQL itself tells from the lock file of a killed server whether backends live on, so the file may only go
/// where its process number is taken, by somebody else or by a dead process that nobody has waited for, and only when
/// nobody works in the directory.
void clear_stale_lock_file(const fs::path& data_directory) {
  const auto file = read_postmaster_file(data_directory);
  if (file && (::kill(file->pid, 0) == 0 || errno != ESRCH)) {
    remove_tree(data_directory / "postmaster.pid");
  }
}

/// Ends a server that did not come up. Nobody has used it yet.
void give_up(Child& server) {
  const HoldInterrupts hold;
  ::kill(server.pid(), SIGINT);
  pollfd polled{server.pidfd(), POLLIN, 0};
  if (::poll(&polled, 1, 5000) == 0) {
    ::kill(server.pid(), SIGQUIT);
  }
  server.wait();
}

void wait_until_ready(const ServerSpec& spec, Child& server, std::chrono::seconds deadline) {
  const auto end = Clock::now() + deadline;
  auto tell_at = Clock::now() + tell_again_after;
  for (;;) {
    pollfd polled[2] = {{server.pidfd(), POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    ::poll(polled, 2, static_cast<int>(look_again_after.count()));
    if (server.try_wait()) {
      // The log keeper may still be writing the reason.
      ::poll(nullptr, 0, 20);
      throw Error(ErrorCode::postgres, fmt::format("the server did not start: {}", last_words(spec.log_file)),
                  fmt::format("Its log is {}.", spec.log_file.string()));
    }
    if (spec.recovering && Clock::now() >= tell_at) {
      if (const auto wal_file = recovering_file(server.pid())) {
        spec.recovering(*wal_file);
      }
      tell_at = Clock::now() + tell_again_after;
    }
    const auto file = read_postmaster_file(spec.data_directory);
    if (file && file->pid == server.pid() && file->status == "ready") {
      return;
    }
    try {
      throw_if_interrupted();
    } catch (...) {
      give_up(server);
      throw;
    }
    if (Clock::now() > end) {
      give_up(server);
      throw Error(ErrorCode::postgres, fmt::format("the server was not ready within {}", format_duration(deadline)),
                  fmt::format("Its log is {}.", spec.log_file.string()));
    }
  }
}

/// Ends the server of `spec`, if one runs, by a signal that makes it shut down, and waits until it is gone.
void end_by(int signal, const ServerSpec& spec, const ServerStatus& now, std::chrono::seconds deadline) {
  if (now.running) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, now.pid, 0)));
    if (process) {
      ::kill(now.pid, signal);
      pollfd polled{process.get(), POLLIN, 0};
      const auto wait = std::chrono::duration_cast<milliseconds>(deadline).count();
      int ready = 0;
      while ((ready = ::poll(&polled, 1, static_cast<int>(wait))) < 0 && errno == EINTR) {
        throw_if_interrupted();
      }
      if (ready == 0) {
        throw Error(ErrorCode::postgres,
                    fmt::format("the server (process {}) did not stop within {}", now.pid, format_duration(deadline)),
                    fmt::format("It is still shutting down. Its log is {}.", spec.log_file.string()));
      }
    }
  }
  remove_tree(spec.socket_directory);
}

}  // namespace

void NativeRuntime::start(const ServerSpec& spec, std::chrono::seconds deadline) {
  wait_until_quiet(spec);
  clear_stale_lock_file(spec.data_directory);
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
  wait_until_ready(spec, server, deadline);
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
    throw Error(ErrorCode::postgres, "the server has gone away", fmt::format("Its log is {}.", spec.log_file.string()));
  }
}

void NativeRuntime::wait_until_quiet(const ServerSpec& spec) const {
  if (!read_postmaster_file(spec.data_directory)) {
    return;
  }
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  while (anyone_works_in(spec.data_directory, spec.identity)) {
    if (Clock::now() > deadline) {
      throw Error(ErrorCode::postgres,
                  fmt::format("processes of a killed server still work in {}", spec.data_directory.string()),
                  "Look for them with 'ps' and end them.");
    }
    throw_if_interrupted();
    ::poll(nullptr, 0, static_cast<int>(look_again_after.count()));
  }
}

ServerStatus NativeRuntime::status(const ServerSpec& spec) const {
  const auto file = read_postmaster_file(spec.data_directory);
  if (!file || !serves(file->pid, spec.data_directory)) {
    return {};
  }
  return {.running = true, .ready = file->status == "ready", .pid = file->pid};
}

}  // namespace bpg::runtime
