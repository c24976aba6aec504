#include "bpg/util/interrupt.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "bpg/util/error.hpp"

namespace bpg {

namespace {

std::atomic<bool> g_interrupted{false};
std::atomic<int> g_holds{0};
int g_pipe[2] = {-1, -1};

void on_signal(int) {
  const int saved = errno;
  g_interrupted = true;
  if (g_pipe[1] >= 0) {
    [[maybe_unused]] const ssize_t written = ::write(g_pipe[1], "", 1);
  }
  errno = saved;
}

}  // namespace

void install_interrupt_handlers() {
  if (::pipe2(g_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw system_error(errno, "cannot make a pipe");
  }
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction previous {};
    ::sigaction(signal, nullptr, &previous);
    if (previous.sa_handler != SIG_IGN) {  // nohup(1) and background jobs of a plain shell stay as they are
      ::sigaction(signal, &action, nullptr);
    }
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);  // inherited as SIG_IGN, it would lose every exit status (wait(2))
}

bool interrupted() { return g_interrupted; }

void throw_if_interrupted() {
  if (g_interrupted && g_holds == 0) {
    throw Error(ErrorCode::interrupted, "interrupted");
  }
}

int interrupt_fd() { return g_holds == 0 ? g_pipe[0] : -1; }

HoldInterrupts::HoldInterrupts() { ++g_holds; }
HoldInterrupts::~HoldInterrupts() { --g_holds; }

}  // namespace bpg
