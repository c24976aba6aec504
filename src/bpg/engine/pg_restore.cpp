#include "bpg/engine/pg_restore.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>

#include <fmt/format.h>

#include "bpg/util/interrupt.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace fs = std::filesystem;

namespace {

constexpr size_t longest_error = size_t{64} << 10;

/// Lines of --verbose that tell of work, not of failure (pg_backup_archiver.c, parallel.c). Those that count are told when an
/// item of the table of contents is done, or begins where nothing tells its end.
struct Verbose {
  std::string_view line;
  bool counts;
};
constexpr std::array verbose{
    Verbose{"pg_restore: finished item ", true},    Verbose{"pg_restore: processing item ", true},
    Verbose{"pg_restore: launching item ", false},  Verbose{"pg_restore: creating ", false},
    Verbose{"pg_restore: processing ", false},      Verbose{"pg_restore: executing ", false},
    Verbose{"pg_restore: connecting to ", false},   Verbose{"pg_restore: implied ", false},
    Verbose{"pg_restore: skipping ", false},        Verbose{"pg_restore: entering main ", false},
    Verbose{"pg_restore: finished main ", false},   Verbose{"pg_restore: disabling ", false},
    Verbose{"pg_restore: enabling ", false},        Verbose{"pg_restore: restoring ", false},
    Verbose{"pg_restore: table ", false},           Verbose{"pg_restore: setting ", false},
};

/// The branch's settings must not keep its sessions from loading.
constexpr const char* session_options =
    "-c lc_messages=C -c statement_timeout=0 -c default_transaction_read_only=off -c session_preload_libraries=";

/// Ends a program with all that it started, unless it has ended.
class Group {
 public:
  explicit Group(Child child) : m_child(std::move(child)) {}
  ~Group() {
    if (!m_child.try_wait()) {
      ::kill(-m_child.pid(), SIGKILL);
      m_child.wait();
    }
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  int wait() { return m_child.wait(); }

 private:
  Child m_child;
};

/// Gives each line that comes through the descriptor, until its other end is closed.
void read_lines(int fd, const std::function<void(std::string_view)>& take) {
  std::string buffer;
  std::array<char, 8192> part{};
  for (;;) {
    throw_if_interrupted();
    pollfd polled[2] = {{fd, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) {
      throw system_error(errno, "cannot poll");
    }
    if (polled[0].revents == 0) {
      continue;
    }
    const ssize_t count = ::read(fd, part.data(), part.size());
    if (count == 0) {
      break;
    }
    buffer.append(part.data(), count > 0 ? static_cast<size_t>(count) : 0);
    size_t begin = 0;
    for (size_t end = 0; (end = buffer.find('\n', begin)) != std::string::npos; begin = end + 1) {
      take(std::string_view(buffer).substr(begin, end - begin));
    }
    buffer.erase(0, begin);
  }
  if (!buffer.empty()) {
    take(buffer);
  }
}

}  // namespace

PgRestore::PgRestore(const std::vector<fs::path>& bin_dirs, int pg_major, fs::path archive)
    : m_major(pg_major), m_archive(std::move(archive)) {
  const auto found = postgres::find_client("pg_restore", bin_dirs, pg_major);
  if (!found) {
    throw Error(ErrorCode::environment, "pg_restore is not installed",
                fmt::format("Install it: 'apt-get install postgresql-client-{}'.", pg_major));
  }
  m_program = found->program;
}

Error PgRestore::failed(const std::string& said) const {
  const bool newer = said.find("unsupported version") != std::string::npos;
  return Error(ErrorCode::failure, std::string(trim(said)),
               newer ? fmt::format("A newer pg_dump made it than PostgreSQL {} can read: install that version's server and name it "
                                   "with --pg-version, or dump with --format=plain.", m_major)
                     : "");
}

std::vector<std::string> PgRestore::list() const {
  const RunResult result = run({m_program.string(), "--list", m_archive.string()}, {.deadline = std::chrono::hours(1)});
  if (result.exit_status != 0) {
    throw failed(result.err);
  }
  std::vector<std::string> lines;
  for (const std::string_view line : split(result.out, '\n')) {
    if (!line.empty() && line.front() != ';') {
      lines.emplace_back(line);
    }
  }
  return lines;
}

void PgRestore::restore(const Restore& request) const {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw system_error(errno, "cannot make a pipe");
  }
  const UniqueFd errors(ends[0]);
  UniqueFd theirs(ends[1]);
  const std::string target = fmt::format("host='{}' hostaddr='' port={} user={} dbname='{}'", request.endpoint.host,
                                         request.endpoint.port, request.endpoint.user, request.endpoint.database);
  SpawnOptions spawning{.argv = {m_program.string(), "--dbname", target, "--role", request.role, "--no-owner",
                                 "--no-privileges", "--exit-on-error", "--verbose", "--use-list", request.use_list.string()},
                        .env = {{"LC_ALL", "C"}, {"PGOPTIONS", session_options}, {"PG_COLOR", "never"}},
                        .stderr_fd = theirs.get(),
                        .new_group = true};
  if (request.jobs > 1) {
    spawning.argv.push_back(fmt::format("--jobs={}", request.jobs));
  }
  spawning.argv.push_back(m_archive.string());
  Group program(spawn(spawning));
  theirs.reset();

  std::string said;
  bool warning = false;
  Trace::Amount amount{.unit = Trace::Amount::Unit::items, .total = request.items};
  read_lines(errors.get(), [&](std::string_view line) {
    for (const Verbose& known : verbose) {
      if (line.starts_with(known.line)) {
        amount.done += known.counts || (request.jobs == 1 && line.starts_with("pg_restore: creating ")) ? 1 : 0;
        amount.done = std::min(amount.done, amount.total);
        trace().report(amount);
        return;
      }
    }
    // A warning's detail and hint stand on lines of their own.
    warning = line.starts_with("pg_restore: WARNING: ") || (warning && !line.starts_with("pg_restore: "));
    if (!warning && said.size() < longest_error) {
      said.append(line).push_back('\n');
    }
  });
  if (const int status = program.wait(); !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw failed(said.empty() ? "pg_restore was ended by a signal" : said);
  }
}

void PgRestore::write_sql(const fs::path& use_list, const fs::path& file) const {
  const RunResult result = run({m_program.string(), "--no-owner", "--use-list", use_list.string(), "--file", file.string(),
                                m_archive.string()},
                               {.deadline = std::chrono::hours(1)});
  if (result.exit_status != 0) {
    throw failed(result.err);
  }
}

}  // namespace bpg::engine
