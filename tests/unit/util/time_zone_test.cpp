#include "bpg/util/time_zone.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "bpg/util/error.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using testing::HasSubstr;

Time utc(std::string_view text) { return parse_rfc3339(text).value(); }
LocalTime local(std::string_view text) { return LocalTime(utc(std::string(text) + "Z").time_since_epoch()); }

std::vector<std::string> moments_of(const TimeZone& zone, std::string_view text) {
  std::vector<std::string> texts;
  for (const auto& [time, offset] : zone.moments_of(local(text))) {
    texts.push_back(to_rfc3339(time) + " " + format_offset(offset));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Offset, IsReadInThreeForms) {
  EXPECT_EQ(parse_offset("+02:00"), 120min);
  EXPECT_EQ(parse_offset("+0530"), 330min);
  EXPECT_EQ(parse_offset("-05"), -300min);
  EXPECT_EQ(parse_offset("-00:30"), -30min);
  for (const char* text : {"", "+", "02:00", "+2", "+24:00", "+02:60", "+02:0", "+020", "+02:00 ", "+02:00:00", "UTC", "+0x"}) {
    EXPECT_EQ(parse_offset(text), std::nullopt) << text;
  }
}

TEST(Offset, IsWrittenWithItsSign) {
  EXPECT_EQ(format_offset(0min), "+00:00");
  EXPECT_EQ(format_offset(330min), "+05:30");
  EXPECT_EQ(format_offset(-30min), "-00:30");
}

TEST(TimeZone, OfFixedOffsetHasEachTimeOnce) {
  EXPECT_EQ(moments_of(TimeZone::find("+05:30"), "2026-10-07T14:30:00.25"), Texts{"2026-10-07T09:00:00.250000Z +05:30"});
  EXPECT_EQ(moments_of(TimeZone::find("UTC"), "2026-10-07T14:30:00"), Texts{"2026-10-07T14:30:00Z +00:00"});
  EXPECT_EQ(TimeZone::find("-01:00").local_of(utc("2026-10-07T00:30:00Z")), local("2026-10-06T23:30:00"));
}

/// TZ as the test wants it, and afterwards as it was.
class TimeZoneTest : public testing::Test {
 protected:
  TimeZoneTest() {
    if (const char* value = std::getenv("TZ")) {
      m_before = value;
    }
  }
  ~TimeZoneTest() override { set(m_before); }

  static void set(const std::optional<std::string>& value) {
    if (value) {
      ::setenv("TZ", value->c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }

  std::optional<std::string> m_before;
};

TEST_F(TimeZoneTest, OfTheMachineIsWhatTzSays) {
  set("XYZ-3");
  EXPECT_EQ(moments_of(TimeZone::find("local"), "2026-10-07T14:30:00"), Texts{"2026-10-07T11:30:00Z +03:00"});
  set("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
  EXPECT_EQ(TimeZone::find("local").local_of(utc("2026-07-01T12:00:00Z")), local("2026-07-01T11:00:00"));
  for (const char* utc_too : {"", "UTC", "UTC0"}) {
    set(utc_too);
    EXPECT_EQ(moments_of(TimeZone::find("local"), "2026-10-07T14:30:00"), Texts{"2026-10-07T14:30:00Z +00:00"}) << utc_too;
  }
}

TEST_F(TimeZoneTest, OfTheMachineIsRefusedWhereTheLibraryWouldTakeItForUtc) {
  for (const char* wrong : {"Nowhere", "Europe/Nowhere", ":/nowhere/zone", "../../etc/passwd", "right/Europe/Berlin"}) {
    set(wrong);
    const Error error = error_of([] { TimeZone::find("local"); });
    EXPECT_EQ(error.code(), ErrorCode::usage) << wrong;
    EXPECT_THAT(error.message(), HasSubstr(wrong));
  }
}

TEST_F(TimeZoneTest, OfNoSuchNameIsRefused) {
  for (const char* wrong : {"", "Nowhere", "Europe/Nowhere", "Europe", "europe/berlin ", "/etc/localtime", "../zoneinfo/UTC",
                            "CET-1CEST", "zone1970.tab", "+2", "+24:00", "right/Europe/Berlin"}) {
    const Error error = error_of([&] { TimeZone::find(wrong); });
    EXPECT_EQ(error.code(), ErrorCode::usage) << wrong;
    EXPECT_THAT(error.message(), HasSubstr(wrong));
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST_F(TimeZoneTest, WithoutTzdataIsRefusedWithTheReason) {
  const char* before = std::getenv("TZDIR");
  const std::optional<std::string> directory = before ? std::optional<std::string>(before) : std::nullopt;
  ::setenv("TZDIR", "/nowhere", 1);
  EXPECT_THAT(error_of([] { TimeZone::find("Europe/Berlin"); }).hint(), HasSubstr("tzdata"));
  EXPECT_NO_THROW(TimeZone::find("UTC"));
  directory ? ::setenv("TZDIR", directory->c_str(), 1) : ::unsetenv("TZDIR");
}

class NamedZoneTest : public TimeZoneTest {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin")) {
      GTEST_SKIP() << "tzdata is not installed";
    }
  }
};

TEST_F(NamedZoneTest, KnowsSummerAndWinter) {
  const TimeZone berlin = TimeZone::find("Europe/Berlin");
  EXPECT_EQ(moments_of(berlin, "2026-10-07T14:30:00.000001"), Texts{"2026-10-07T12:30:00.000001Z +02:00"});
  EXPECT_EQ(moments_of(berlin, "2026-12-07T14:30:00"), Texts{"2026-12-07T13:30:00Z +01:00"});
  EXPECT_EQ(moments_of(berlin, "2126-07-07T14:30:00"), Texts{"2126-07-07T12:30:00Z +02:00"});
  EXPECT_EQ(berlin.local_of(utc("2026-10-06T22:30:00.5Z")), local("2026-10-07T00:30:00.5"));
}

TEST_F(NamedZoneTest, HasNoTimeThatIsSkipped) {
  const TimeZone berlin = TimeZone::find("Europe/Berlin");
  EXPECT_EQ(moments_of(berlin, "2026-03-29T01:59:59.999999"), Texts{"2026-03-29T00:59:59.999999Z +01:00"});
  EXPECT_EQ(moments_of(berlin, "2026-03-29T02:00:00"), Texts{});
  EXPECT_EQ(moments_of(berlin, "2026-03-29T02:59:59.999999"), Texts{});
  EXPECT_EQ(moments_of(berlin, "2026-03-29T03:00:00"), Texts{"2026-03-29T01:00:00Z +02:00"});
}

TEST_F(NamedZoneTest, HasATimeTwiceThatIsRepeated) {
  const TimeZone berlin = TimeZone::find("Europe/Berlin");
  EXPECT_EQ(moments_of(berlin, "2026-10-25T01:59:59.999999"), Texts{"2026-10-24T23:59:59.999999Z +02:00"});
  EXPECT_EQ(moments_of(berlin, "2026-10-25T02:00:00"), (Texts{"2026-10-25T00:00:00Z +02:00", "2026-10-25T01:00:00Z +01:00"}));
  EXPECT_EQ(moments_of(berlin, "2026-10-25T03:00:00"), Texts{"2026-10-25T02:00:00Z +01:00"});
}

TEST_F(NamedZoneTest, KnowsChangesThatAreNotOfSummerTime) {
  EXPECT_EQ(moments_of(TimeZone::find("Pacific/Apia"), "2011-12-30T12:00:00"), Texts{}) << "Samoa left out a day";
  EXPECT_EQ(moments_of(TimeZone::find("Pacific/Kwajalein"), "1993-08-21T12:00:00"), Texts{});
  EXPECT_EQ(moments_of(TimeZone::find("Europe/Moscow"), "2014-10-26T01:30:00"),
            (Texts{"2014-10-25T21:30:00Z +04:00", "2014-10-25T22:30:00Z +03:00"}));
  EXPECT_EQ(moments_of(TimeZone::find("Australia/Lord_Howe"), "2026-04-05T01:45:00"),
            (Texts{"2026-04-04T14:45:00Z +11:00", "2026-04-04T15:15:00Z +10:30"}));
}

TEST_F(NamedZoneTest, LeavesTzAsItWas) {
  const TimeZone tokyo = TimeZone::find("Asia/Tokyo");
  for (const std::optional<std::string>& before : {std::optional<std::string>(), std::optional<std::string>("XYZ-3")}) {
    set(before);
    const long shown_before = ::timezone;
    EXPECT_EQ(moments_of(tokyo, "2026-10-07T14:30:00"), Texts{"2026-10-07T05:30:00Z +09:00"});
    const char* after = std::getenv("TZ");
    EXPECT_EQ(after ? std::optional<std::string>(after) : std::nullopt, before);
    EXPECT_EQ(::timezone, shown_before) << "the C library goes by it again";
  }
}

TEST_F(NamedZoneTest, SuggestsTheNameThatWasMeant) {
  EXPECT_EQ(error_of([] { TimeZone::find("europe/berlin"); }).hint(), "Did you mean 'Europe/Berlin'?");
}

TEST_F(NamedZoneTest, MayBeNamedByTz) {
  for (const char* value : {"Europe/Berlin", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin"}) {
    set(value);
    EXPECT_EQ(moments_of(TimeZone::find("local"), "2026-10-07T14:30:00"), Texts{"2026-10-07T12:30:00Z +02:00"}) << value;
  }
}

}  // namespace
}  // namespace bpg
