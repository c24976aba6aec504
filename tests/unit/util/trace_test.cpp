#include "bpg/util/trace.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "bpg/util/error.hpp"
#include "support/forked.hpp"

namespace bpg {
namespace {

enum Outcome { done = 0, failed_before = 10, failed_after = 11 };

/// How the step "clone volume" ends under this BPG_FAULT.
int outcome_under(const char* fault) {
  test::Forked child([fault] {
    ::setenv("BPG_FAULT", fault, 1);
    bool worked = false;
    try {
      step("clone volume", [&] { worked = true; });
    } catch (const Error& error) {
      return error.message() == "injected failure at step 'clone volume'" ? (worked ? failed_after : failed_before)
                                                                            : 1;
    }
    return worked ? int{done} : 1;
  });
  return child.status();
}

TEST(Fault, StrikesTheNamedStepOnly) {
  EXPECT_EQ(outcome_under(""), done);
  EXPECT_EQ(outcome_under("start server:fail"), done);
  EXPECT_EQ(outcome_under("clone:fail"), done);
  EXPECT_EQ(outcome_under("clone volume"), failed_before);
  EXPECT_EQ(outcome_under("clone volume:fail"), failed_before);
  EXPECT_EQ(outcome_under("clone volume:fail-after"), failed_after);
  EXPECT_EQ(outcome_under("clone volume:kill"), 128 + SIGKILL);
  EXPECT_EQ(outcome_under("clone volume:kill-after"), 128 + SIGKILL);
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
