#include "bpg/util/interrupt.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>

#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"
#include "support/forked.hpp"

namespace bpg {
namespace {

bool readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, 0) == 1;
}

bool throws_interrupted() {
  try {
    throw_if_interrupted();
  } catch (const Error& error) {
    return error.code() == ErrorCode::interrupted;
  }
  return false;
}

TEST(Interrupt, TurnsASignalIntoAnException) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    test::Forked child([signal] {
      install_interrupt_handlers();
      if (interrupted() || throws_interrupted() || readable(interrupt_fd())) {
        return 1;
      }
      ::raise(signal);
      return interrupted() && throws_interrupted() && readable(interrupt_fd()) ? 0 : 2;
    });
    EXPECT_EQ(child.status(), 0) << signal;
  }
}

TEST(Interrupt, IsHeldOffDuringCleanUp) {
  test::Forked child([] {
    install_interrupt_handlers();
    ::raise(SIGINT);
    {
      const HoldInterrupts outer;
      const HoldInterrupts inner;
      if (throws_interrupted() || interrupt_fd() != -1 || !interrupted()) {
        return 1;
      }
    }
    return throws_interrupted() ? 0 : 2;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST(Interrupt, EndsAnOperationBetweenSteps) {
  test::Forked child([] {
    install_interrupt_handlers();
    bool second = false;
    try {
      step("first", [] { ::raise(SIGTERM); });
      step("second", [&] { second = true; });
    } catch (const Error& error) {
      return error.code() == ErrorCode::interrupted && !second ? 0 : 1;
    }
    return 2;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST(Interrupt, LeavesIgnoredSignalsIgnored) {
  test::Forked child([] {
    ::signal(SIGHUP, SIG_IGN);  // nohup(1)
    install_interrupt_handlers();
    ::raise(SIGHUP);
    return interrupted() ? 1 : 0;
  });
  EXPECT_EQ(child.status(), 0);
}

}  // namespace
}  // namespace bpg
