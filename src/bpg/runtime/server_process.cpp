#include "bpg/runtime/server_process.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "bpg/runtime/postmaster.hpp"
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

std::string where_its_log_is(const ServerSpec& spec) { return fmt::format("Its log is {}.", spec.log_file.string()); }

}  // namespace

std::vector<std::string> server_arguments(const ServerSpec& spec) {
  std::vector<std::string> argv{"-D", spec.data_directory.string()};
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

UniqueFd open_process(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

bool wait_for_end(int pidfd, milliseconds deadline) {
  const auto end = Clock::now() + deadline;
  for (;;) {
    throw_if_interrupted();
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    pollfd polled[2] = {{pidfd, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    const int ready = ::poll(polled, 2, static_cast<int>(std::max(left, milliseconds(0)).count()));
    if (ready > 0 && polled[0].revents != 0) {
      return true;
    }
    if (ready == 0) {
      return false;
    }
  }
}

Startup wait_until_ready(const ServerSpec& spec, const StartingServer& server, std::chrono::seconds deadline) {
  const auto end = Clock::now() + deadline;
  auto tell_at = Clock::now() + tell_again_after;
  for (;;) {
    if (wait_for_end(server.pidfd, look_again_after)) {
      return Startup::ended;
    }
    if (spec.recovering && Clock::now() >= tell_at) {
      if (const auto wal_file = recovering_file(server.pid)) {
        spec.recovering(*wal_file);
      }
      tell_at = Clock::now() + tell_again_after;
    }
    const auto file = read_postmaster_file(spec.data_directory);
    if (file && file->pid == server.own_number && file->status == "ready") {
      return Startup::ready;
    }
    if (Clock::now() > end) {
      return Startup::late;
    }
  }
}

void wait_until_no_process(const ServerSpec& spec) {
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

Error did_not_start(const ServerSpec& spec) {
  return Error(ErrorCode::postgres, fmt::format("the server did not start: {}", last_words(spec.log_file)), where_its_log_is(spec));
}

Error was_not_ready(const ServerSpec& spec, std::chrono::seconds deadline) {
  return Error(ErrorCode::postgres, fmt::format("the server was not ready within {}", format_duration(deadline)),
               where_its_log_is(spec));
}

Error did_not_stop(const ServerSpec& spec, pid_t pid, std::chrono::seconds deadline) {
  return Error(ErrorCode::postgres, fmt::format("the server (process {}) did not stop within {}", pid, format_duration(deadline)),
               fmt::format("It is still shutting down. {}", where_its_log_is(spec)));
}

Error has_gone_away(const ServerSpec& spec) {
  return Error(ErrorCode::postgres, "the server has gone away", where_its_log_is(spec));
}

}  // namespace bpg::runtime
