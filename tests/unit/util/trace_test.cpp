#include "bpg/util/trace.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <vector>

#include "bpg/util/error.hpp"
#include "support/forked.hpp"

namespace bpg {
namespace {

constexpr int done = 0;
constexpr int failed_before = 10;
constexpr int failed_after = 11;
constexpr int stopped_before = 12;
constexpr int stopped_after = 13;

/// Runs the step "clone volume" under this BPG_FAULT and ends the process by how it went.
[[noreturn]] void exit_under(const char* fault) {
  ::setenv("BPG_FAULT", fault, 1);
  bool worked = false;
  try {
    step("clone volume", [&] { worked = true; });
  } catch (const Error& error) {
    const bool told = error.message() == "injected failure at step 'clone volume'";
    ::_exit(!told ? 1 : worked ? failed_after : failed_before);
  }
  ::_exit(worked ? done : 1);
}

/// Runs the step in a process of its own, which has to be let go on, and ends this one by whether its work was done when it
/// stopped.
[[noreturn]] void exit_by_where_it_stops(const char* fault) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_NONBLOCK) != 0) {
    ::_exit(1);
  }
  ::setenv("BPG_FAULT", fault, 1);
  test::Forked child([&] {
    step("clone volume", [&] { (void)!::write(pipe[1], "x", 1); });
    return done;
  });
  int status = 0;
  if (::waitpid(child.pid(), &status, WUNTRACED) != child.pid() || !WIFSTOPPED(status)) {
    ::_exit(2);
  }
  char worked = 0;
  const int where = ::read(pipe[0], &worked, 1) == 1 ? stopped_after : stopped_before;
  ::kill(child.pid(), SIGCONT);
  ::_exit(child.status() == done ? where : 3);
}

// The trace reads its environment once, so each case needs a process that has not used it.
class FaultDeathTest : public testing::Test {
 protected:
  FaultDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(FaultDeathTest, StrikesTheNamedStepOnly) {
  const auto exited = [](int status) { return testing::ExitedWithCode(status); };
  EXPECT_EXIT(exit_under(""), exited(done), "");
  EXPECT_EXIT(exit_under("start server:fail"), exited(done), "");
  EXPECT_EXIT(exit_under("clone:fail"), exited(done), "");
  EXPECT_EXIT(exit_under("clone volume"), exited(failed_before), "");
  EXPECT_EXIT(exit_under("clone volume:fail"), exited(failed_before), "");
  EXPECT_EXIT(exit_under("clone volume:fail-after"), exited(failed_after), "");
  EXPECT_EXIT(exit_under("clone volume:kill"), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(exit_under("clone volume:kill-after"), testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FaultDeathTest, StopsUntilItIsLetGoOn) {
  EXPECT_EXIT(exit_by_where_it_stops("clone volume:stop"), testing::ExitedWithCode(stopped_before), "");
  EXPECT_EXIT(exit_by_where_it_stops("clone volume:stop-after"), testing::ExitedWithCode(stopped_after), "");
}

TEST(Step, ReturnsWhatItsWorkReturns) {
  EXPECT_EQ(step("count", [] { return 3; }), 3);
  step("nothing", [] {});
}

TEST(Step, IsToldToTheListenerWhenItEnds) {
  std::vector<Trace::Entry> entries;
  trace().set_listener([&](const Trace::Entry& entry) { entries.push_back(entry); });
  step("outer", [] { step("inner", [] {}); });
  EXPECT_THROW(step("broken", [] { throw Error(ErrorCode::failure, "no"); }), Error);
  trace().set_listener({});
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "inner");
  EXPECT_EQ(entries[1].name, "outer");
  EXPECT_LE(entries[1].began, entries[0].began);
  EXPECT_GE(entries[1].took, entries[0].took);
}

}  // namespace
}  // namespace bpg
