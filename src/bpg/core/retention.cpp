#include "bpg/core/retention.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg {

namespace {

constexpr std::array<int Retention::*, 4> numbers{&Retention::hourly, &Retention::daily, &Retention::weekly,
                                                  &Retention::monthly};

constexpr const char* form = "Say it like hourly=24,daily=7,weekly=4,monthly=6: each unit once or not at all.";

RetentionUnit parse_unit(std::string_view text) {
  std::vector<std::string> names;
  for (const RetentionUnit unit : retention_units) {
    if (text == to_string(unit)) {
      return unit;
    }
    names.emplace_back(to_string(unit));
  }
  throw Error(ErrorCode::usage, fmt::format("'{}' is not a unit of retention", text), did_you_mean(text, names, form));
}

int parse_count(std::string_view unit, std::string_view text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not a number of {} snapshots", text, unit),
                "It is at least 1. Leave the unit out to keep none for its sake.");
  }
  return count;
}

}  // namespace

const char* to_string(RetentionUnit unit) {
  static constexpr std::array names{"hourly", "daily", "weekly", "monthly"};
  return names.at(static_cast<size_t>(unit));
}

int Retention::of(RetentionUnit unit) const { return this->*numbers.at(static_cast<size_t>(unit)); }

Retention Retention::parse(std::string_view text) {
  Retention retention;
  for (std::string_view part : split(text, ',')) {
    part = trim(part);
    const size_t equals = part.find('=');
    if (equals == part.npos) {
      throw Error(ErrorCode::usage, fmt::format("'{}' is not of the form UNIT=NUMBER", part), form);
    }
    const RetentionUnit unit = parse_unit(part.substr(0, equals));
    int& number = retention.*numbers.at(static_cast<size_t>(unit));
    if (number != 0) {
      throw Error(ErrorCode::usage, fmt::format("{} is said twice", to_string(unit)), form);
    }
    number = parse_count(to_string(unit), part.substr(equals + 1));
  }
  return retention;
}

std::string Retention::str() const {
  std::vector<std::string> parts;
  for (const RetentionUnit unit : retention_units) {
    if (of(unit) > 0) {
      parts.push_back(fmt::format("{}={}", to_string(unit), of(unit)));
    }
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

RetentionUnit Retention::finest() const {
  const auto counts = [this](RetentionUnit unit) { return of(unit) > 0; };
  const auto found = std::ranges::find_if(retention_units, counts);
  if (found == retention_units.end()) {
    throw Error(ErrorCode::failure, "a retention without any unit");
  }
  return *found;
}

Time period_start(RetentionUnit unit, Time moment) {
  using namespace std::chrono;
  const sys_days day = floor<days>(moment);
  switch (unit) {
    case RetentionUnit::hourly:
      return floor<hours>(moment);
    case RetentionUnit::daily:
      return day;
    case RetentionUnit::weekly:
      return day - (weekday(day) - Monday);
    case RetentionUnit::monthly:
      break;
  }
  const year_month_day date(day);
  return sys_days(date.year() / date.month() / 1);
}

Time period_end(RetentionUnit unit, Time moment) {
  using namespace std::chrono;
  const Time start = period_start(unit, moment);
  switch (unit) {
    case RetentionUnit::hourly:
      return start + hours(1);
    case RetentionUnit::daily:
      return start + days(1);
    case RetentionUnit::weekly:
      return start + weeks(1);
    case RetentionUnit::monthly:
      break;
  }
  const year_month_day first(floor<days>(start));
  return sys_days(first + months(1));
}

std::vector<std::vector<RetentionUnit>> kept_by(const Retention& retention, std::span<const Time> moments) {
  std::vector<size_t> newest_first(moments.size());
  std::iota(newest_first.begin(), newest_first.end(), size_t{0});
  // Of two of the same moment the one that stands later is the newer.
  std::ranges::sort(newest_first, [&](size_t a, size_t b) { return std::pair(moments[a], a) > std::pair(moments[b], b); });
  std::vector<std::vector<RetentionUnit>> units(moments.size());
  for (const RetentionUnit unit : retention_units) {
    int left = retention.of(unit);
    std::optional<Time> last;
    for (const size_t index : newest_first) {
      const Time period = period_start(unit, moments[index]);
      if (left > 0 && last != period) {
        units[index].push_back(unit);
        last = period;
        --left;
      }
    }
  }
  return units;
}

}  // namespace bpg
