#include "bpg/core/retention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "bpg/util/error.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using test::error_of;
using enum RetentionUnit;
using namespace std::chrono_literals;

Time at(const std::string& text) { return parse_rfc3339(text).value(); }

std::string start(RetentionUnit unit, const std::string& text) { return to_rfc3339(period_start(unit, at(text))); }
std::string end(RetentionUnit unit, const std::string& text) { return to_rfc3339(period_end(unit, at(text))); }

/// Which of the moments stay, in their order.
std::vector<std::string> kept(const Retention& retention, const std::vector<std::string>& texts) {
  std::vector<Time> moments;
  for (const std::string& text : texts) {
    moments.push_back(at(text));
  }
  const auto units = kept_by(retention, moments);
  std::vector<std::string> result;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!units[i].empty()) {
      result.push_back(texts[i]);
    }
  }
  return result;
}

TEST(Retention, ReadsWhatItWrites) {
  EXPECT_EQ(Retention::parse("hourly=24,daily=7,weekly=4,monthly=6"), (Retention{24, 7, 4, 6}));
  EXPECT_EQ(Retention::parse("monthly=1, hourly=2"), (Retention{.hourly = 2, .monthly = 1}));
  EXPECT_EQ(Retention::parse("monthly=1,hourly=2").str(), "hourly=2,monthly=1");
  EXPECT_EQ((Retention{24, 7, 4, 6}).str(), "hourly=24,daily=7,weekly=4,monthly=6");
}

TEST(Retention, RefusesWhatItCannotMean) {
  for (const char* text : {"", " ", ",", "hourly", "hourly=", "=3", "hourly=0", "hourly=-1", "hourly=1.5", "hourly=1x", "hourly= 1",
                           "hourly=99999999999", "hourly=1,", "hourly=1;daily=2", "hourly=1,hourly=2", "Hourly=1", "yearly=1"}) {
    EXPECT_EQ(error_of([&] { Retention::parse(text); }).code(), ErrorCode::usage) << text;
  }
}

TEST(Retention, SaysWhatWasProbablyMeant) {
  EXPECT_EQ(error_of([] { Retention::parse("hourly=1,dayly=7"); }).hint(), "Did you mean 'daily'?");
  EXPECT_THAT(error_of([] { Retention::parse("decade=1"); }).hint(), HasSubstr("hourly=24"));
  EXPECT_THAT(error_of([] { Retention::parse("daily=0"); }).message(), HasSubstr("'0' is not a number of daily"));
}

TEST(Retention, IsAsFineAsItsFinestUnit) {
  EXPECT_EQ((Retention{1, 1, 1, 1}).finest(), hourly);
  EXPECT_EQ((Retention{.weekly = 1, .monthly = 1}).finest(), weekly);
  EXPECT_EQ((Retention{.monthly = 1}).finest(), monthly);
  EXPECT_THROW((Retention{}).finest(), Error);
}

TEST(Period, IsOfUtcWhateverTheZone) {
  ::setenv("TZ", "Europe/Berlin", 1);
  ::tzset();
  // There the clock goes back from 03:00 to 02:00 at 01:00 UTC, and the day has 25 hours.
  EXPECT_EQ(start(hourly, "2026-10-25T00:59:59.999999Z"), "2026-10-25T00:00:00Z");
  EXPECT_EQ(start(hourly, "2026-10-25T01:00:00Z"), "2026-10-25T01:00:00Z");
  EXPECT_EQ(end(daily, "2026-10-25T00:30:00Z"), "2026-10-26T00:00:00Z");
  // And forward, from 02:00 to 03:00.
  EXPECT_EQ(end(hourly, "2026-03-29T00:30:00Z"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(start(daily, "2026-03-29T23:30:00Z"), "2026-03-29T00:00:00Z");
  ::unsetenv("TZ");
  ::tzset();
}

TEST(Period, OfAWeekBeginsOnMonday) {
  EXPECT_EQ(start(weekly, "2026-11-22T23:59:59Z"), "2026-11-16T00:00:00Z") << "a Sunday";
  EXPECT_EQ(start(weekly, "2026-11-23T00:00:00Z"), "2026-11-23T00:00:00Z") << "a Monday";
  EXPECT_EQ(start(weekly, "2027-01-03T12:00:00Z"), "2026-12-28T00:00:00Z") << "week 53 of 2026 ends in 2027";
  EXPECT_EQ(end(weekly, "2026-12-31T12:00:00Z"), "2027-01-04T00:00:00Z");
}

TEST(Period, OfAMonthIsThatOfTheCalendar) {
  EXPECT_EQ(start(monthly, "2028-02-29T23:59:59Z"), "2028-02-01T00:00:00Z") << "a leap day";
  EXPECT_EQ(end(monthly, "2028-02-29T23:59:59Z"), "2028-03-01T00:00:00Z");
  EXPECT_EQ(end(monthly, "2027-02-28T00:00:00Z"), "2027-03-01T00:00:00Z");
  EXPECT_EQ(end(daily, "2028-02-28T12:00:00Z"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(end(monthly, "2026-12-31T23:59:59Z"), "2027-01-01T00:00:00Z");
  EXPECT_EQ(end(monthly, "2027-01-31T12:00:00Z"), "2027-02-01T00:00:00Z");
}

TEST(KeptBy, TakesTheNewestOfEachPeriod) {
  EXPECT_THAT(kept({.daily = 2}, {"2026-11-01T01:00:00Z", "2026-11-02T01:00:00Z", "2026-11-02T09:00:00Z", "2026-11-03T01:00:00Z"}),
              ElementsAre("2026-11-02T09:00:00Z", "2026-11-03T01:00:00Z"));
}

TEST(KeptBy, CountsOnlyPeriodsThatHaveAny) {
  EXPECT_THAT(kept({.hourly = 2}, {"2020-01-01T00:00:00Z", "2026-11-02T01:00:00Z"}),
              ElementsAre("2020-01-01T00:00:00Z", "2026-11-02T01:00:00Z"))
      << "a machine that was off for years loses none";
}

TEST(KeptBy, KeepsWhatAnyUnitKeeps) {
  const std::vector<Time> moments{at("2026-09-30T23:00:00Z"), at("2026-10-31T22:00:00Z"), at("2026-10-31T23:00:00Z"),
                                  at("2026-11-01T00:00:00Z")};
  EXPECT_THAT(kept_by({.hourly = 2, .monthly = 3}, moments),
              ElementsAre(ElementsAre(monthly), IsEmpty(), ElementsAre(hourly, monthly), ElementsAre(hourly, monthly)));
}

TEST(KeptBy, AcrossTheTurnOfTheYear) {
  EXPECT_THAT(kept({.weekly = 2}, {"2026-12-27T12:00:00Z", "2026-12-28T12:00:00Z", "2027-01-03T12:00:00Z", "2027-01-04T12:00:00Z"}),
              ElementsAre("2027-01-03T12:00:00Z", "2027-01-04T12:00:00Z"));
}

TEST(KeptBy, DoesNotDependOnTheOrder) {
  EXPECT_THAT(kept({.daily = 1}, {"2026-11-03T01:00:00Z", "2026-11-01T01:00:00Z", "2026-11-03T02:00:00Z", "2026-11-02T01:00:00Z"}),
              ElementsAre("2026-11-03T02:00:00Z"));
}

TEST(KeptBy, OneOfTwoOfTheSameMoment) {
  const Time moment = at("2026-11-03T01:00:00Z");
  EXPECT_THAT(kept_by({.hourly = 5}, std::vector{moment, moment}), ElementsAre(IsEmpty(), ElementsAre(hourly)));
}

TEST(KeptBy, NothingOfNothing) { EXPECT_THAT(kept_by({.daily = 1}, {}), IsEmpty()); }

TEST(KeptBy, AYearOfTicksAtAnyTimesKeepsNoMoreThanItMayAndWhatItShould) {
  std::mt19937 random(20261125);
  for (int round = 0; round < 40; ++round) {
    const auto count = [&] { return static_cast<int>(random() % 6); };
    Retention retention{count(), count(), count(), count()};
    if (retention == Retention{}) {
      retention.daily = 1;
    }
    const auto most = static_cast<size_t>(retention.hourly + retention.daily + retention.weekly + retention.monthly);
    std::vector<Time> all;
    std::vector<Time> left;
    const Time begin = at("2027-06-01T00:00:00Z");
    for (Time now = begin; now < begin + std::chrono::years(1); now += std::chrono::minutes(1 + random() % (60 * 24 * (1 + round % 9)))) {
      if (left.empty() || period_start(retention.finest(), left.back()) != period_start(retention.finest(), now)) {
        left.push_back(now);
        all.push_back(now);
      }
      const auto units = kept_by(retention, left);
      ASSERT_FALSE(units.back().empty()) << "the newest stays";
      std::vector<Time> next;
      for (size_t i = 0; i < left.size(); ++i) {
        if (!units[i].empty()) {
          next.push_back(left[i]);
        }
      }
      left = next;
      ASSERT_LE(left.size(), most) << retention.str();
    }
    for (const RetentionUnit unit : retention_units) {
      std::set<Time> periods;
      std::set<Time> kept_periods;
      std::ranges::for_each(all, [&](Time moment) { periods.insert(period_start(unit, moment)); });
      std::ranges::for_each(left, [&](Time moment) { kept_periods.insert(period_start(unit, moment)); });
      EXPECT_GE(kept_periods.size(), std::min(periods.size(), static_cast<size_t>(retention.of(unit)))) << retention.str();
    }
  }
}

TEST(KeptBy, DropsNothingThatALaterTickWouldKeep) {
  // As if nothing had ever been deleted.
  std::mt19937 random(7);
  const Retention retention{.hourly = 3, .daily = 3, .weekly = 2, .monthly = 3};
  std::vector<Time> all;
  std::vector<Time> left;
  Time now = at("2026-01-01T00:30:00Z");
  for (int i = 0; i < 1500; ++i, now += std::chrono::minutes(60 + random() % 240)) {
    all.push_back(now);
    left.push_back(now);
    const auto of_left = kept_by(retention, left);
    const auto of_all = kept_by(retention, all);
    std::vector<Time> next;
    std::vector<Time> wanted;
    for (size_t j = 0; j < left.size(); ++j) {
      if (!of_left[j].empty()) {
        next.push_back(left[j]);
      }
    }
    for (size_t j = 0; j < all.size(); ++j) {
      if (!of_all[j].empty()) {
        wanted.push_back(all[j]);
      }
    }
    left = next;
    ASSERT_EQ(left, wanted) << to_rfc3339(now);
  }
}

}  // namespace
}  // namespace bpg
