#include "bpg/util/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"

extern char** environ;

namespace bpg {

namespace {

std::optional<Account> account_of(const passwd* entry) {
  if (!entry) {
    return std::nullopt;
  }
  Account account{entry->pw_name, entry->pw_uid, entry->pw_gid, {}};
  int count = 64;
  account.groups.resize(static_cast<size_t>(count));
  if (::getgrouplist(entry->pw_name, entry->pw_gid, account.groups.data(), &count) < 0) {
    account.groups.resize(static_cast<size_t>(count));
    ::getgrouplist(entry->pw_name, entry->pw_gid, account.groups.data(), &count);
  }
  account.groups.resize(static_cast<size_t>(count));
  return account;
}

/// What the child's side of spawn needs, made before fork: it may not allocate.
struct Image {
  const SpawnOptions& options;
  const char* program;
  char* const* argv;
  char* const* env;
  const sigset_t& signal_mask;
  pid_t parent;
};

/// The child's side of spawn, between fork and exec: only async-signal-safe calls (signal-safety(7)).
[[noreturn]] void become(const Image& image, int report_fd) {
  const SpawnOptions& options = image.options;
  const auto check = [&report_fd](int result) {
    if (result < 0) {
      const int error = errno;
      [[maybe_unused]] const ssize_t written = ::write(report_fd, &error, sizeof error);
      ::_exit(127);
    }
    return result;
  };
  // Everything is moved above the standard descriptors first, so that dup2 overwrites nothing still needed.
  const auto lift = [&check](int fd) { return check(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); };
  report_fd = lift(report_fd);
  int sources[3] = {options.stdin_fd, options.stdout_fd, options.stderr_fd};
  for (int& source : sources) {
    source = lift(source < 0 ? check(::open("/dev/null", O_RDWR | O_CLOEXEC)) : source);
  }
  for (int target = 0; target < 3; ++target) {
    check(::dup2(sources[target], target));
  }
  // A caller's pipe that came without O_CLOEXEC would stay open as long as a server runs. Linux 5.11; where it is
  // older, only that protection is missing.
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);

  if (options.new_session) {
    check(::setsid());
  } else if (options.new_group) {
    check(::setpgid(0, 0));
  }
  if (options.account && ::geteuid() == 0) {
    const Account& account = *options.account;
    check(::setgroups(account.groups.size(), account.groups.data()));
    check(::setgid(account.gid));
    check(::setuid(account.uid));
  }
  if (!options.directory.empty()) {
    check(::chdir(options.directory.c_str()));
  }
  // bpg's handlers must not run here; what was ignored for bpg (nohup(1)) stays so.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction inherited {};
    ::sigaction(signal, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) {
      ::signal(signal, SIG_DFL);
    }
  }
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGCHLD, SIG_DFL);
  if (options.parent_death_signal != 0) {  // after setuid, which takes it back (prctl(2))
    check(::prctl(PR_SET_PDEATHSIG, options.parent_death_signal));
    if (::getppid() != image.parent) {
      ::_exit(128 + options.parent_death_signal);
    }
  }
  ::sigprocmask(SIG_SETMASK, &image.signal_mask, nullptr);
  check(::execve(image.program, image.argv, image.env));
  ::_exit(127);
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    if (!added.contains(std::string(text.substr(0, text.find('='))))) {
      merged.emplace_back(text);
    }
  }
  for (const auto& [name, value] : added) {
    merged.push_back(name + "=" + value);
  }
  return merged;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) {
    result.push_back(const_cast<char*>(text.c_str()));
  }
  result.push_back(nullptr);
  return result;
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw system_error(errno, "cannot make a pipe");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// One output stream of a program: its pipe, and what came through it.
class Output {
 public:
  explicit Output(size_t limit) : m_pipe(make_pipe()), m_limit(limit) {
    if (::fcntl(m_pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) {
      throw system_error(errno, "cannot set up a pipe");
    }
  }

  int read_fd() const { return m_pipe.read.get(); }
  int write_fd() const { return m_pipe.write.get(); }
  void close_write() { m_pipe.write.reset(); }

  /// Reads what is there now, all that a pipe holds (pipe(7)), and keeps the part within the limit.
  void drain() {
    char buffer[65536];
    const ssize_t count = m_pipe.read ? ::read(m_pipe.read.get(), buffer, sizeof buffer) : -1;
    if (count > 0 && m_text.size() < m_limit) {
      m_text.append(buffer, std::min(static_cast<size_t>(count), m_limit - m_text.size()));
    }
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
      m_pipe.read.reset();
    }
  }

  std::string take() { return std::move(m_text); }

 private:
  Pipe m_pipe;
  size_t m_limit;
  std::string m_text;
};

}  // namespace

std::optional<Account> find_account(const std::string& name) { return account_of(::getpwnam(name.c_str())); }

Account current_account() {
  if (auto account = account_of(::getpwuid(::geteuid()))) {
    return *account;
  }
  return Account{fmt::format("{}", ::geteuid()), ::geteuid(), ::getegid(), {::getegid()}};
}

std::optional<int> Child::wait_with(int flags) {
  int status = 0;
  while (!m_status) {
    const pid_t ended = ::waitpid(m_pid, &status, flags);
    if (ended == m_pid) {
      m_status = status;
    } else if (ended == 0) {
      break;
    } else if (errno != EINTR) {
      throw system_error(errno, fmt::format("cannot wait for process {}", m_pid));
    }
  }
  return m_status;
}

int Child::wait() { return wait_with(0).value(); }

std::optional<int> Child::try_wait() { return wait_with(WNOHANG); }

Child spawn(const SpawnOptions& options) {
  const std::string& name = options.argv.at(0);
  const auto program = name.find('/') == std::string::npos ? find_program(name) : std::filesystem::path(name);
  if (!program) {
    throw Error(ErrorCode::environment, fmt::format("'{}' is not installed", name));
  }
  if (options.account && options.account->uid != ::geteuid() && ::geteuid() != 0) {
    throw Error(ErrorCode::permission, fmt::format("cannot run {} as '{}' without being root", program->string(),
                                                   options.account->name));
  }
  const std::vector<std::string> env = merged_environment(options.env);
  const std::vector<char*> argv_pointers = pointers(options.argv);
  const std::vector<char*> env_pointers = pointers(env);
  Pipe report = make_pipe();

  // No signal may reach bpg's handlers in the child.
  sigset_t everything;
  sigset_t signal_mask;
  sigfillset(&everything);
  ::pthread_sigmask(SIG_SETMASK, &everything, &signal_mask);
  const Image image{options, program->c_str(), argv_pointers.data(), env_pointers.data(),
                    options.signal_mask ? *options.signal_mask : signal_mask, ::getpid()};
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(image, report.write.get());
  }
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &signal_mask, nullptr);
  if (pid < 0) {
    throw system_error(fork_error, "cannot fork");
  }

  Child child(pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (child.pidfd() < 0) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    child.wait();
    throw system_error(error, "cannot open a pidfd");
  }
  report.write.reset();
  int error = 0;
  ssize_t count = 0;
  while ((count = ::read(report.read.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  if (count == static_cast<ssize_t>(sizeof error)) {
    child.wait();
    throw system_error(error, fmt::format("cannot run {}", program->string()));
  }
  return child;
}

RunResult run(const std::vector<std::string>& argv, const RunOptions& options) {
  if (options.interruptible) {
    throw_if_interrupted();
  }
  Output out(size_t{16} << 20);
  Output err(size_t{64} << 10);
  SpawnOptions spawning{.argv = argv,
                        .env = options.env,
                        .account = options.account,
                        .directory = options.directory,
                        .stdout_fd = out.write_fd(),
                        .stderr_fd = err.write_fd(),
                        .new_group = true};
  spawning.env.emplace("LC_ALL", "C");
  Child child = spawn(spawning);
  out.close_write();
  err.close_write();

  const auto give_up = [&child](const Error& error) {
    ::kill(-child.pid(), SIGKILL);
    child.wait();
    throw error;
  };
  const auto deadline = std::chrono::steady_clock::now() + options.deadline;
  for (bool ended = false; !ended;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) {
      give_up(Error(ErrorCode::environment, fmt::format("'{}' did not end within {}", fmt::join(argv, " "),
                                                        format_duration(options.deadline))));
    }
    pollfd polled[4] = {{child.pidfd(), POLLIN, 0},
                        {out.read_fd(), POLLIN, 0},
                        {err.read_fd(), POLLIN, 0},
                        {options.interruptible ? interrupt_fd() : -1, POLLIN, 0}};
    if (::poll(polled, 4, static_cast<int>(std::min<int64_t>(left, INT_MAX))) < 0 && errno != EINTR) {
      give_up(system_error(errno, "cannot poll"));
    }
    ended = polled[0].revents != 0;
    if (ended || polled[1].revents != 0) {
      out.drain();
    }
    if (ended || polled[2].revents != 0) {
      err.drain();
    }
    if (!ended && polled[3].revents != 0) {
      give_up(Error(ErrorCode::interrupted, "interrupted"));
    }
  }
  const int status = child.wait();
  return {.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = out.take(),
          .err = err.take()};
}

std::string run_checked(const std::vector<std::string>& argv, const RunOptions& options) {
  RunResult result = run(argv, options);
  if (result.exit_status != 0) {
    const std::string_view said = trim(result.err.empty() ? result.out : result.err);
    throw Error(ErrorCode::environment,
                fmt::format("'{}' failed (exit status {}): {}", fmt::join(argv, " "), result.exit_status, said));
  }
  return std::move(result.out);
}

bool process_alive(pid_t pid) {
  const auto exists = [pid] { return ::kill(pid, 0) == 0 || errno == EPERM; };
  if (pid <= 0 || !exists()) {
    return false;
  }
  std::optional<std::string> stat;
  try {
    stat = read_file_if_exists(fmt::format("/proc/{}/stat", pid));
  } catch (const Error&) {
    // It ended while its file was read (ESRCH).
  }
  if (!stat) {
    return exists();  // where /proc hides the processes of others (hidepid, proc(5)) it may be alive
  }
  const size_t name_end = stat->rfind(')');  // proc(5): the state follows the name, which may hold anything
  return name_end != std::string::npos && name_end + 2 < stat->size() && (*stat)[name_end + 2] != 'Z';
}

std::optional<std::filesystem::path> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  const std::string directories = std::string(path ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin";
  for (const std::string_view directory : split(directories, ':')) {
    const std::filesystem::path candidate = std::filesystem::path(directory) / name;
    std::error_code ignored;
    if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0 &&
        std::filesystem::is_regular_file(candidate, ignored)) {
      return candidate;
    }
  }
  return std::nullopt;
}

std::filesystem::path companion_program(const std::string& name) {
  const std::filesystem::path directory = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::filesystem::path beside = directory / name;
  for (const std::filesystem::path& place : {beside, directory.parent_path() / "libexec" / "betterpg" / name}) {
    if (std::filesystem::exists(place)) {
      return place;
    }
  }
  if (const auto found = find_program(name)) {
    return *found;
  }
  throw Error(ErrorCode::environment, fmt::format("{} is missing", beside.string()),
              fmt::format("{} belongs beside bpg: install both.", name));
}

}  // namespace bpg
