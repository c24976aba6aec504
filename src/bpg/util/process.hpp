#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bpg/util/fd.hpp"

namespace bpg {

/// An account of the operating system that a program runs as.
struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

/// The account of that name; nothing where there is none.
std::optional<Account> find_account(const std::string& name);

/// The account that runs this process.
Account current_account();

struct SpawnOptions {
  std::vector<std::string> argv;              ///< argv[0] is looked up in PATH where it has no slash
  std::map<std::string, std::string> env{};   ///< added to this process's environment
  std::optional<Account> account{};           ///< run as this account (needs root where it is another)
  std::filesystem::path directory{};          ///< working directory; empty: this process's
  int stdin_fd = -1;                          ///< -1: /dev/null
  int stdout_fd = -1;                         ///< -1: /dev/null
  int stderr_fd = -1;                         ///< -1: /dev/null
  bool new_session = false;                   ///< setsid(2): survives the terminal, gets none of its signals
  bool new_group = false;                     ///< setpgid(2): gets no Ctrl-C, and can be ended with its children
  const sigset_t* signal_mask = nullptr;      ///< what it begins with blocked; null: what this thread blocks
  int parent_death_signal = 0;                ///< sent to it when the thread that calls spawn ends (PR_SET_PDEATHSIG)
};

/// A child process that was started and not yet waited for. Its destructor does not end it.
class Child {
 public:
  Child(pid_t pid, UniqueFd pidfd) : m_pid(pid), m_pidfd(std::move(pidfd)) {}

  pid_t pid() const { return m_pid; }
  /// Readable once the process has ended (pidfd_open(2)).
  int pidfd() const { return m_pidfd.get(); }
  /// Waits for the end; the wait status as waitpid(2) gives it. May be asked again.
  int wait();
  /// The wait status if the process has ended.
  std::optional<int> try_wait();

 private:
  std::optional<int> wait_with(int flags);

  pid_t m_pid;
  UniqueFd m_pidfd;
  std::optional<int> m_status;
};

/// Starts a program, never through a shell, with the three standard descriptors and no other, and with default
/// signal dispositions. An error of exec itself (not found, not permitted) is thrown here.
Child spawn(const SpawnOptions& options);

struct RunOptions {
  std::map<std::string, std::string> env{};
  std::optional<Account> account{};
  std::filesystem::path directory{};
  std::chrono::milliseconds deadline = std::chrono::minutes(2);
  bool interruptible = true;  ///< a signal to bpg ends the program, too
};

struct RunResult {
  int exit_status = 0;  ///< 128 + signal where one ended it
  std::string out;      ///< standard output, at most 16 MB
  std::string err;      ///< standard error, at most 64 KB
};

/// Runs a program with LC_ALL=C to its end and collects its output. Throws where it cannot be started or
/// misses the deadline; then it is killed together with what it started. A daemon that it leaves behind is not
/// waited for.
RunResult run(const std::vector<std::string>& argv, const RunOptions& options = {});

/// As `run`, and throws with the command and its standard error where the exit status is not 0.
std::string run_checked(const std::vector<std::string>& argv, const RunOptions& options = {});

/// Is there such a process, and not a zombie? One that may not be signalled counts as alive.
bool process_alive(pid_t pid);

/// The absolute directories of PATH and the usual sbin ones searched for the program `name`.
std::optional<std::filesystem::path> find_program(const std::string& name);

/// A program that comes with bpg and is not for users: beside it, in libexec, or in PATH. Throws `Error{environment}` where
/// it is missing.
std::filesystem::path companion_program(const std::string& name);

}  // namespace bpg
