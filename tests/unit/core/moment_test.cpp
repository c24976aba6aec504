#include "bpg/core/moment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>

#include "bpg/util/error.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using test::error_of;
using testing::HasSubstr;

const Time now = parse_rfc3339("2026-10-07T14:30:00.000001Z").value();

std::string read(std::string_view text, const std::string& zone = {}) { return to_string(parse_moment(text, now, zone)); }

Error refusal(std::string_view text, const std::string& zone = {}) {
  return error_of([&] { parse_moment(text, now, zone); });
}

AtTime at(std::string_view text) { return {parse_rfc3339(text).value()}; }

TEST(Moment, IsOneOfSixThings) {
  EXPECT_EQ(parse_moment("now", now, ""), Moment(AtNow{}));
  EXPECT_EQ(parse_moment("2026-10-07T14:30:00Z", now, ""), Moment(at("2026-10-07T14:30:00Z")));
  EXPECT_EQ(parse_moment("0/953F5508", now, ""), Moment(AtLsn{Lsn{0x953F5508}}));
  EXPECT_EQ(parse_moment("xid:1234", now, ""), Moment(AtTransaction{1234}));
  EXPECT_EQ(parse_moment("@before-v2", now, ""), Moment(AtRestorePoint{"before-v2"}));
  EXPECT_EQ(parse_moment("before-v2", now, ""), Moment(AtSnapshot{"before-v2"}));
  EXPECT_EQ(parse_moment("snap_4k0qz8w1tb", now, ""), Moment(AtSnapshot{"snap_4k0qz8w1tb"}));
}

TEST(Moment, IsWrittenSoThatItReadsBack) {
  for (const char* text : {"now", "2026-10-07T14:30:00Z", "2026-10-07T14:30:00.000100Z", "1970-01-01T00:00:00Z",
                           "9999-12-31T23:59:59.999999Z", "0/953F5508", "16/B374D848", "xid:3", "xid:4294967295", "@before-v2",
                           "@ é/2 ", "before-v2", "snap_4k0qz8w1tb"}) {
    EXPECT_EQ(read(text), text);
  }
  EXPECT_EQ(read("a/ff"), "A/000000FF");
}

TEST(MomentTime, IsRfc3339AndItsFriends) {
  for (const char* text :
       {"2026-10-07T12:05:00Z", "2026-10-07t12:05:00z", "2026-10-07 12:05:00Z", "2026-10-07 12:05Z", "2026-10-07T12:05Z",
        "2026-10-07T14:05:00+02:00", "2026-10-07T14:05:00+0200", "2026-10-07T14:05:00+02", "2026-10-07 14:05 +02:00",
        "2026-10-07T06:35-05:30", "2026-10-07 12:05:00 UTC", "2026-10-07 12:05 UTC", "2026-10-07 12:05UTC", "2026-10-07 12:05 Z",
        "2026-10-07 12:05:00.000000Z", "2026-10-07T12:04:60Z", "2026-10-08T02:05+14:00", "today 12:05 UTC", "today 14:05+02:00"}) {
    EXPECT_EQ(read(text), "2026-10-07T12:05:00Z") << text;
  }
  EXPECT_EQ(read("2026-10-07T12:05:00.5Z"), "2026-10-07T12:05:00.500000Z");
  EXPECT_EQ(read("2026-10-07T12:05:00.123456Z"), "2026-10-07T12:05:00.123456Z");
  EXPECT_EQ(read("2026-10-07 UTC"), "2026-10-07T00:00:00Z");
  EXPECT_EQ(read("2028-02-29 +02:00"), "2028-02-28T22:00:00Z");
}

TEST(MomentTime, WithoutAnOffsetIsOneOfTheZone) {
  EXPECT_EQ(read("2026-10-07 14:30", "+02:00"), "2026-10-07T12:30:00Z");
  EXPECT_EQ(read("2026-10-07T14:30:00.25", "UTC"), "2026-10-07T14:30:00.250000Z");
  EXPECT_EQ(read("2026-10-07", "-05:00"), "2026-10-07T05:00:00Z");
  EXPECT_EQ(read("2026-10-07 14:30 +02:00", "-05:00"), "2026-10-07T12:30:00Z") << "what is said in the text counts";
}

TEST(MomentTime, WithoutAnyZoneIsRefused) {
  for (const char* text : {"2026-10-07 14:30", "2026-10-07T14:30:00.25", "2026-10-07", "today", "yesterday", "yesterday 14:00"}) {
    const Error error = refusal(text);
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_EQ(error.message(), std::string("'") + text + "' does not say of which time zone it is");
    EXPECT_EQ(error.hint(), "Say which zone: 2026-10-07T14:30:00Z, or --timezone Europe/Berlin.");
  }
}

TEST(MomentTime, IsRefusedInAZoneThatIsNone) {
  EXPECT_EQ(refusal("today", "Nowhere").message(), "'Nowhere' is not a time zone of this machine");
  EXPECT_EQ(refusal("2026-10-07 14:30", "+2").code(), ErrorCode::usage);
}

TEST(MomentTime, KnowsTodayAndYesterdayOfTheZone) {
  EXPECT_EQ(read("today", "UTC"), "2026-10-07T00:00:00Z");
  EXPECT_EQ(read("yesterday", "UTC"), "2026-10-06T00:00:00Z");
  EXPECT_EQ(read("yesterday UTC"), "2026-10-06T00:00:00Z");
  EXPECT_EQ(read("yesterday 14:00", "+02:00"), "2026-10-06T12:00:00Z");
  EXPECT_EQ(read("yesterday 14:00:01.5 UTC", "+02:00"), "2026-10-06T14:00:01.500000Z");
  EXPECT_EQ(read("today 00:10", "+12:00"), "2026-10-07T12:10:00Z") << "there it is the 8th";
  EXPECT_EQ(read("today 00:10 +12:00"), "2026-10-07T12:10:00Z");
}

TEST(MomentTime, IsCountedBackFromNow) {
  EXPECT_EQ(read("2 hours ago"), "2026-10-07T12:30:00.000001Z");
  EXPECT_EQ(read("10 minutes ago"), "2026-10-07T14:20:00.000001Z");
  EXPECT_EQ(read("1 hour 30 minutes ago"), "2026-10-07T13:00:00.000001Z");
  EXPECT_EQ(read("1h30m ago"), "2026-10-07T13:00:00.000001Z");
  EXPECT_EQ(read("1 day ago", "Nowhere"), "2026-10-06T14:30:00.000001Z") << "no zone is wanted";
  EXPECT_EQ(read("-2h"), "2026-10-07T12:30:00.000001Z");
  EXPECT_EQ(read("-90s"), "2026-10-07T14:28:30.000001Z");
  EXPECT_EQ(read("-1d12h"), "2026-10-06T02:30:00.000001Z");
  EXPECT_EQ(read("-500ms"), "2026-10-07T14:29:59.500001Z");
  EXPECT_EQ(read("-1us"), "2026-10-07T14:30:00Z");
  EXPECT_EQ(read("-2w"), "2026-09-23T14:30:00.000001Z");
  EXPECT_EQ(read("-0s"), "2026-10-07T14:30:00.000001Z");
}

TEST(MomentTime, KnowsEveryUnit) {
  for (const char* minute : {"1m ago", "1min ago", "1 minute ago", "60 s ago", "60 sec ago", "60 second ago", "60 seconds ago"}) {
    EXPECT_EQ(read(minute), "2026-10-07T14:29:00.000001Z") << minute;
  }
  for (const char* week : {"1w ago", "1 week ago", "7 d ago", "7 days ago", "168 h ago", "168 hours ago"}) {
    EXPECT_EQ(read(week), "2026-09-30T14:30:00.000001Z") << week;
  }
}

TEST(MomentTime, CountedBackIsRefusedWithWhatIsWrong) {
  struct Wrong {
    const char* text;
    const char* message;
  };
  for (const auto& [text, message] :
       {Wrong{"-", "whole numbers"}, Wrong{"-2", "whole numbers"}, Wrong{"-h", "whole numbers"}, Wrong{"-2h3", "whole numbers"},
        Wrong{"1.5 hours ago", "whole numbers"}, Wrong{"long ago", "whole numbers"}, Wrong{" ago", "whole numbers"},
        Wrong{"an hour ago", "whole numbers"}, Wrong{"--2h", "whole numbers"}, Wrong{"-2h ago", "whole numbers"},
        Wrong{"2 months ago", "'months' is not a unit"}, Wrong{"-2M", "'M' is not a unit"}, Wrong{"-1hours30x", "'x' is not a unit"},
        Wrong{"3000 weeks ago", "before 1970"}, Wrong{"-20000d20000d", "before 1970"}, Wrong{"-9223372036854775807us", "before 1970"},
        Wrong{"-9223372036854775807w", "before 1970"}, Wrong{"-99999999999999999999s", "before 1970"}}) {
    const Error error = refusal(text);
    EXPECT_EQ(error.code(), ErrorCode::usage) << text;
    EXPECT_THAT(error.message(), HasSubstr(std::string("'") + text + "'"));
    EXPECT_THAT(error.message(), HasSubstr(message));
    EXPECT_FALSE(error.hint().empty()) << text;
  }
}

TEST(MomentTime, CountedBackEndsWith1970) {
  const auto microseconds = now.time_since_epoch().count();
  EXPECT_EQ(read("-" + std::to_string(microseconds) + "us"), "1970-01-01T00:00:00Z");
  EXPECT_THAT(refusal("-" + std::to_string(microseconds + 1) + "us").message(), HasSubstr("before 1970"));
}

TEST(MomentTime, IsRefusedWithWhatIsWrong) {
  struct Wrong {
    const char* text;
    const char* message;
  };
  for (const auto& [text, message] :
       {Wrong{"2026-02-29T14:30Z", "no such day"}, Wrong{"2026-13-01", "no such day"}, Wrong{"2026-00-00 14:30", "no such day"},
        Wrong{"2026-10-07T24:00Z", "no such time of day"}, Wrong{"2026-10-07 14:60Z", "no such time of day"},
        Wrong{"today 14:30:61 UTC", "no such time of day"}, Wrong{"2026-10-07 9:00Z", "HH:MM"}, Wrong{"2026-10-07 14Z", "HH:MM"},
        Wrong{"2026-10-07 14:3Z", "HH:MM"}, Wrong{"2026-10-07 14:30:Z", "HH:MM"}, Wrong{"2026-10-07 143000Z", "HH:MM"},
        Wrong{"2026-10-07T14:30:00.1234567Z", "at most six digits"}, Wrong{"2026-10-07T14:30:00.Z", "no digit follows"},
        Wrong{"2026-10-07T14:30.5Z", "'.5Z' is not an offset"}, Wrong{"2026-10-07 14:30 CET", "'CET' is not an offset"},
        Wrong{"yesterday 14:30 Europe/Berlin", "'Europe/Berlin' is not an offset"}, Wrong{"2026-10-07 14:30+25:00", "not an offset"},
        Wrong{"today noon", "'noon' is not an offset"}, Wrong{"2026-10-07T14:30:00Z0", "'Z0' is not an offset"},
        Wrong{"1969-12-31T23:59:59.999999Z", "1970 to 9999"}, Wrong{"1970-01-01T00:00+00:01", "1970 to 9999"},
        Wrong{"0000-01-01T00:00Z", "1970 to 9999"}, Wrong{"9999-12-31T23:59:60Z", "1970 to 9999"},
        Wrong{"9999-12-31T23:59:00-00:01", "1970 to 9999"}}) {
    const Error error = refusal(text, "UTC");
    EXPECT_EQ(error.code(), ErrorCode::usage) << text;
    EXPECT_THAT(error.message(), HasSubstr(std::string("'") + text + "'"));
    EXPECT_THAT(error.message(), HasSubstr(message));
    EXPECT_FALSE(error.hint().empty()) << text;
  }
}

TEST(MomentTime, ThatTheClocksSkipOrShowTwiceIsRefused) {
  if (!std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin")) {
    GTEST_SKIP() << "tzdata is not installed";
  }
  EXPECT_EQ(read("2026-10-07 14:30", "Europe/Berlin"), "2026-10-07T12:30:00Z");
  EXPECT_EQ(read("2026-12-07 14:30", "Europe/Berlin"), "2026-12-07T13:30:00Z");
  EXPECT_EQ(refusal("2026-03-29 02:30", "Europe/Berlin").message(),
            "'2026-03-29 02:30' is not a time: the clocks of Europe/Berlin were put forward over it");
  const Error twice = refusal("2026-10-25 02:30:00.5", "Europe/Berlin");
  EXPECT_EQ(twice.code(), ErrorCode::usage);
  EXPECT_EQ(twice.message(), "'2026-10-25 02:30:00.5' is ambiguous: the clocks of Europe/Berlin were put back, and showed it twice");
  EXPECT_EQ(twice.hint(), "Say which: 2026-10-25T02:30:00.500000+02:00 or 2026-10-25T02:30:00.500000+01:00.");
  EXPECT_EQ(read("2026-10-25T02:30:00.500000+01:00", "Europe/Berlin"), "2026-10-25T01:30:00.500000Z");
}

TEST(MomentTime, MayBeOneOfTheMachinesZone) {
  const char* value = std::getenv("TZ");
  const auto before = value ? std::optional<std::string>(value) : std::nullopt;
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  EXPECT_EQ(read("2026-10-07 14:30", "local"), "2026-10-07T12:30:00Z");
  EXPECT_EQ(read("today", "local"), "2026-10-06T22:00:00Z");
  EXPECT_EQ(refusal("2026-03-29 02:30", "local").message(),
            "'2026-03-29 02:30' is not a time: this machine's clocks were put forward over it");
  EXPECT_EQ(refusal("2026-10-25 02:30", "local").hint(), "Say which: 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00.");
  before ? ::setenv("TZ", before->c_str(), 1) : ::unsetenv("TZ");
  ::tzset();
}

TEST(MomentLsn, IsRefusedWhereItIsNone) {
  for (const char* text : {"0/XYZ", "0/", "/", "0/0", "0/123456789", "2026/10/07", "app/main"}) {
    const Error error = refusal(text);
    EXPECT_EQ(error.code(), ErrorCode::usage) << text;
    EXPECT_THAT(error.message(), HasSubstr(text));
    EXPECT_EQ(error.hint(), "Say it like 0/953F5508.");
  }
}

TEST(MomentTransaction, IsANormalOneOf32Bits) {
  for (const char* text : {"xid:", "xid:x", "xid:-5", "xid:+5", "xid: 5", "xid:5 ", "xid:0x10", "xid:99999999999999999999"}) {
    EXPECT_THAT(refusal(text).message(), HasSubstr("is not a transaction id")) << text;
  }
  for (const char* text : {"xid:0", "xid:1", "xid:2"}) {
    EXPECT_THAT(refusal(text).message(), HasSubstr("PostgreSQL keeps the ids below 3")) << text;
  }
  const Error wide = refusal("xid:4294968530");
  EXPECT_EQ(wide.code(), ErrorCode::usage);
  EXPECT_EQ(wide.message(), "xid:4294968530 does not fit into 32 bits");
  EXPECT_THAT(wide.hint(), HasSubstr("xid:1234"));
}

TEST(MomentRestorePoint, HasANameOfPostgres) {
  EXPECT_EQ(parse_moment("@@x", now, ""), Moment(AtRestorePoint{"@x"}));
  const std::string longest(63, 'x');
  EXPECT_EQ(parse_moment("@" + longest, now, ""), Moment(AtRestorePoint{longest}));
  EXPECT_THAT(refusal("@" + longest + "x").message(), HasSubstr("longer than 63 bytes"));
  EXPECT_THAT(refusal("@").message(), HasSubstr("no name of a restore point"));
}

TEST(MomentSnapshot, IsWhatLooksLikeALabelAndIsNoTime) {
  for (const char* text : {"2026", "2026-10", "2026-10-07-before", "2026-10-07t1430", "2026-10-07z", "20261007", "today-2", "todays", "now2",
                           "yesterdays-data", "2h", "ago", "xid", "utc", "2026-10-071"}) {
    EXPECT_EQ(parse_moment(text, now, "UTC"), Moment(AtSnapshot{text})) << text;
  }
}

TEST(Moment, IsRefusedWhereItIsNothingOfTheKind) {
  for (const char* text : {"Bad!", "Now", "_x", " now", "now ", "14:30", "+2h", "2 hours", "in 2 hours", "today:x", "2026-10-07T", "2026-10-07TZ",
                           "2026-10-07x14:30", "26-10-07 14:30", "a.b", "\xc3\xa9"}) {
    const Error error = refusal(text, "UTC");
    EXPECT_EQ(error.code(), ErrorCode::usage) << text;
    EXPECT_EQ(error.message(), std::string("'") + text + "' is not a moment");
    EXPECT_THAT(error.hint(), HasSubstr("bpg help moments"));
  }
  EXPECT_EQ(refusal(std::string(64, 'x')).code(), ErrorCode::usage);
  EXPECT_EQ(refusal("").message(), "the moment is empty");
}

}  // namespace
}  // namespace bpg
