#include "bpg/util/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

/// The child's side of spawn, between fork and exec: only async-signal-safe calls (signal-safety(7)).
[[noreturn]] void become(const SpawnOptions& options, const char* program, char* const* argv, char* const* env,
                         int report_fd) {
  const auto fail = [report_fd] {
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(report_fd, &error, sizeof error);
    ::_exit(127);
  };
  if (options.new_session && ::setsid() < 0) {
    fail();
  }
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int wanted[3] = {options.stdin_fd, options.stdout_fd, options.stderr_fd};
  for (int target = 0; target < 3; ++target) {
    const int source = wanted[target] < 0 ? null : wanted[target];
    if (source == target) {
      ::fcntl(source, F_SETFD, 0);
    } else if (::dup2(source, target) < 0) {
      fail();
    }
  }
  if (options.account && ::geteuid() == 0) {
    const Account& account = *options.account;
    if (::setgroups(account.groups.size(), account.groups.data()) != 0 || ::setgid(account.gid) != 0 ||
        ::setuid(account.uid) != 0) {
      fail();
    }
  }
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
    fail();
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    ::signal(signal, SIG_DFL);
  }
  ::execve(program, argv, env);
  fail();
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

/// Reads what is there into `text`, keeping at most `limit` bytes; false at the end of the stream.
bool drain(int fd, std::string& text, size_t limit) {
  char buffer[65536];
  const ssize_t count = ::read(fd, buffer, sizeof buffer);
  if (count < 0) {
    return errno == EINTR || errno == EAGAIN;
  }
  if (text.size() < limit) {
    text.append(buffer, std::min(static_cast<size_t>(count), limit - text.size()));
  }
  return count > 0;
}

}  // namespace

std::optional<Account> find_account(const std::string& name) { return account_of(::getpwnam(name.c_str())); }

Account current_account() {
  if (auto account = account_of(::getpwuid(::geteuid()))) {
    return *account;
  }
  return Account{fmt::format("{}", ::geteuid()), ::geteuid(), ::getegid(), {::getegid()}};
}

int Child::wait() {
  int status = 0;
  while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::optional<int> Child::try_wait() {
  int status = 0;
  if (::waitpid(m_pid, &status, WNOHANG) == m_pid) {
    return status;
  }
  return std::nullopt;
}

Child spawn(const SpawnOptions& options) {
  const std::string& name = options.argv.at(0);
  const auto program = name.find('/') == std::string::npos ? find_program(name) : std::filesystem::path(name);
  if (!program) {
    throw Error(ErrorCode::environment, fmt::format("'{}' is not installed", name));
  }
  const std::vector<std::string> env = merged_environment(options.env);
  const std::vector<char*> argv_pointers = pointers(options.argv);
  const std::vector<char*> env_pointers = pointers(env);
  Pipe report = make_pipe();

  const pid_t pid = ::fork();
  if (pid < 0) {
    throw system_error(errno, "cannot fork");
  }
  if (pid == 0) {
    become(options, program->c_str(), argv_pointers.data(), env_pointers.data(), report.write.get());
  }
  report.write.reset();
  int error = 0;
  ssize_t count = 0;
  while ((count = ::read(report.read.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  Child child(pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (count == static_cast<ssize_t>(sizeof error)) {
    child.wait();
    throw system_error(error, fmt::format("cannot run {}", program->string()));
  }
  return child;
}

RunResult run(const std::vector<std::string>& argv, const RunOptions& options) {
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  SpawnOptions spawning{.argv = argv,
                        .env = options.env,
                        .account = options.account,
                        .directory = options.directory,
                        .stdout_fd = out.write.get(),
                        .stderr_fd = err.write.get()};
  spawning.env.emplace("LC_ALL", "C");
  Child child = spawn(spawning);
  out.write.reset();
  err.write.reset();

  RunResult result;
  const auto deadline = std::chrono::steady_clock::now() + options.deadline;
  const auto give_up = [&child] {
    ::kill(child.pid(), SIGKILL);
    child.wait();
  };
  while (out.read || err.read) {
    pollfd polled[3] = {{out.read.get(), POLLIN, 0},
                        {err.read.get(), POLLIN, 0},
                        {options.interruptible ? interrupt_fd() : -1, POLLIN, 0}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      give_up();
      throw Error(ErrorCode::environment,
                  fmt::format("'{}' did not end within {}", fmt::join(argv, " "), format_duration(options.deadline)));
    }
    if (::poll(polled, 3, static_cast<int>(left.count())) < 0 && errno != EINTR) {
      give_up();
      throw system_error(errno, "cannot poll");
    }
    if (polled[2].revents != 0) {
      give_up();
      throw_if_interrupted();
    }
    if (polled[0].revents != 0 && !drain(out.read.get(), result.out, size_t{16} << 20)) {
      out.read.reset();
    }
    if (polled[1].revents != 0 && !drain(err.read.get(), result.err, size_t{64} << 10)) {
      err.read.reset();
    }
  }
  const int status = child.wait();
  result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
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
  if (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH)) {
    return false;
  }
  const auto stat = read_file_if_exists(fmt::format("/proc/{}/stat", pid));
  if (!stat) {
    return false;
  }
  const size_t name_end = stat->rfind(')');  // proc(5): the state follows the name, which may hold anything
  return name_end != std::string::npos && name_end + 2 < stat->size() && (*stat)[name_end + 2] != 'Z';
}

std::optional<std::filesystem::path> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  const std::string directories = std::string(path ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin";
  for (const std::string_view directory : split(directories, ':')) {
    const std::filesystem::path candidate = std::filesystem::path(directory) / name;
    if (!directory.empty() && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return std::nullopt;
}

}  // namespace bpg
