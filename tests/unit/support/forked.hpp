#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <utility>

namespace bpg::test {

/// A copy of this process that runs `work` and exits with the status that it returns (99 for an exception). Signals
/// are as a terminal leaves them there: whoever runs the tests in the background may have them ignored.
class Forked {
 public:
  template <class Work>
  explicit Forked(Work&& work) {
    std::fflush(nullptr);
    m_pid = ::fork();
    if (m_pid == 0) {
      for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) {
        ::signal(signal, SIG_DFL);
      }
      int status = 99;
      try {
        status = std::forward<Work>(work)();
      } catch (const std::exception& error) {
        std::fprintf(stderr, "in the forked process: %s\n", error.what());
      }
      ::_exit(status);
    }
  }
  ~Forked() {
    if (m_pid > 0) {
      ::kill(m_pid, SIGKILL);
      status();
    }
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;

  pid_t pid() const { return m_pid; }

  /// Waits for the end: the exit status, or 128 + signal.
  int status() {
    int status = 0;
    while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {
    }
    m_pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t m_pid = -1;
};

}  // namespace bpg::test
