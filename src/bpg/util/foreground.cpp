#include "bpg/util/foreground.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/process.hpp"

namespace bpg {

namespace {

/// Takes the signals that are to be passed on out of the hands of their handlers, for as long as it lives.
class TakenSignals {
 public:
  TakenSignals() {
    sigset_t taken;
    sigemptyset(&taken);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
      sigaddset(&taken, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &taken, &m_mask_before);
    m_fd.reset(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!m_fd) {
      const int error = errno;
      ::pthread_sigmask(SIG_SETMASK, &m_mask_before, nullptr);
      throw system_error(error, "cannot make a signalfd");
    }
  }
  ~TakenSignals() { ::pthread_sigmask(SIG_SETMASK, &m_mask_before, nullptr); }
  TakenSignals(const TakenSignals&) = delete;
  TakenSignals& operator=(const TakenSignals&) = delete;

  int fd() const { return m_fd.get(); }
  const sigset_t& mask_before() const { return m_mask_before; }

 private:
  sigset_t m_mask_before{};
  UniqueFd m_fd;
};

/// The kernel sends the terminal's signals to the whole group, which the command is in, too, except that only the session's
/// leader is told of a lost terminal (tty_signal_session_leader in Linux's tty_jobctrl.c). What a process sends may have gone
/// to the group (a shell's `kill 0`) or to this process alone (a script's `kill $!`), which cannot be told apart: rather twice
/// than not at all.
bool is_to_be_passed_on(const signalfd_siginfo& signal, pid_t command) {
  if (signal.ssi_code == SI_KERNEL) {
    return signal.ssi_signo == SIGHUP && ::getsid(0) == ::getpid();
  }
  return static_cast<pid_t>(signal.ssi_pid) != command;
}

void pass_on(const TakenSignals& signals, const Child& command) {
  signalfd_siginfo signal{};
  while (::read(signals.fd(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
    if (is_to_be_passed_on(signal, command.pid())) {
      ::kill(command.pid(), static_cast<int>(signal.ssi_signo));
    }
  }
}

/// The descriptor, or -1 where it is closed.
int if_open(int fd) { return ::fcntl(fd, F_GETFD) < 0 ? -1 : fd; }

}  // namespace

int run_in_foreground(const ForegroundCommand& command) {
  const TakenSignals signals;
  throw_if_interrupted();
  Child child = spawn({.argv = command.argv,
                       .env = command.env,
                       .stdin_fd = if_open(STDIN_FILENO),
                       .stdout_fd = if_open(STDOUT_FILENO),
                       .stderr_fd = if_open(STDERR_FILENO),
                       .signal_mask = &signals.mask_before(),
                       .parent_death_signal = SIGTERM});
  for (;;) {
    pollfd polled[2] = {{child.pidfd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) {
      throw system_error(errno, "cannot poll");
    }
    if (polled[0].revents != 0) {
      break;
    }
    pass_on(signals, child);
  }
  const int status = child.wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace bpg
