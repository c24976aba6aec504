#include "bpg/util/clock.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace bpg {
namespace {

using namespace std::chrono_literals;

TEST(Rfc3339, IsUtcWithMicrosecondsWhereThereAreAny) {
  EXPECT_EQ(to_rfc3339(Time{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339(Time(1'791'383'400'123'456us)), "2026-10-07T14:30:00.123456Z");
  EXPECT_EQ(to_rfc3339(Time(1'791'383'400'000'001us)), "2026-10-07T14:30:00.000001Z");
  EXPECT_EQ(to_rfc3339(Time(951'782'400s)), "2000-02-29T00:00:00Z");
}

TEST(Rfc3339, IsRightBefore1970) {
  EXPECT_EQ(to_rfc3339(Time(-1us)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_rfc3339(Time(-1s)), "1969-12-31T23:59:59Z");
}

TEST(ParseRfc3339, ReadsWhatIsWritten) {
  for (const Time time : {Time{}, Time(1'791'383'400'123'456us), Time(951'782'400s), Time(-1us)}) {
    EXPECT_EQ(parse_rfc3339(to_rfc3339(time)), time);
  }
}

TEST(ParseRfc3339, KnowsOffsetsAndFractions) {
  const Time half_past = parse_rfc3339("2026-10-07T14:30:00Z").value();
  EXPECT_EQ(parse_rfc3339("2026-10-07 14:30:00z"), half_past);
  EXPECT_EQ(parse_rfc3339("2026-10-07t16:30:00+02:00"), half_past);
  EXPECT_EQ(parse_rfc3339("2026-10-07T09:00:00-05:30"), half_past);
  EXPECT_EQ(parse_rfc3339("2026-10-07T14:30:00.25Z"), half_past + 250ms);
  EXPECT_EQ(parse_rfc3339("2026-10-07T14:29:60Z"), half_past);  // a leap second
}

TEST(ParseRfc3339, RefusesWhatIsNotAMoment) {
  for (const char* text : {"", "now", "2026-10-07", "2026-10-07T14:30Z", "2026-10-07T14:30:00", "2026-02-29T14:30:00Z",
                           "2026-13-01T14:30:00Z", "2026-10-07T24:00:00Z", "2026-10-07T14:60:00Z", "2026-10-07T14:30:61Z",
                           "2026-10-07T14:30:00+2", "2026-10-07T14:30:00+24:00", "2026-10-07T14:30:00.Z", "2026-10-07T14:30:00.1234567Z",
                           " 2026-10-07T14:30:00Z", "2026-10-07T14:30:00Z.", "26-10-07T14:30:00Z", "2026-1-7T14:30:00Z"}) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
  }
}

TEST(FormatAge, IsOneNumber) {
  EXPECT_EQ(format_age(-5s), "0 s");
  EXPECT_EQ(format_age(59s), "59 s");
  EXPECT_EQ(format_age(60s), "1 min");
  EXPECT_EQ(format_age(3599s), "59 min");
  EXPECT_EQ(format_age(2h), "2 h");
  EXPECT_EQ(format_age(47h), "47 h");
  EXPECT_EQ(format_age(48h), "2 d");
}

TEST(SystemClockDeathTest, IsShiftedByTheEnvironment) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // the environment is read once
  EXPECT_EXIT(
      {
        ::setenv("BPG_CLOCK_OFFSET", "86400", 1);
        const auto ahead = system_clock().now() - std::chrono::system_clock::now();
        ::_exit(ahead > 23h && ahead < 25h ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace bpg
