#include "bpg/core/time_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "bpg/core/name.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/time_zone.hpp"

namespace bpg {

namespace {

using namespace std::chrono;

Error bad_time(std::string_view text, std::string_view why, std::string hint) {
  return Error(ErrorCode::usage, fmt::format("'{}' is not a time: {}", text, why), std::move(hint));
}

Time within_range(std::string_view text, Time time) {
  if (time < Time{} || time >= Time(sys_days(year(9999) / December / 31) + days(1))) {
    throw bad_time(text, "it is not within the years 1970 to 9999", "Say a time in the history of the branch.");
  }
  return time;
}

/// Reads from the front of a text.
struct Scanner {
  std::string_view rest;

  bool at_end() const { return rest.empty(); }
  bool at_digit() const { return !rest.empty() && std::isdigit(static_cast<unsigned char>(rest[0])); }

  bool take(std::string_view expected) {
    if (!rest.starts_with(expected)) {
      return false;
    }
    rest.remove_prefix(expected.size());
    return true;
  }
  bool take_blanks() {
    const size_t before = rest.size();
    while (take(" ")) {
    }
    return rest.size() != before;
  }
  std::string_view take_while(int (*wanted)(int)) {
    const auto* const end =
        std::ranges::find_if_not(rest, [&](char c) { return wanted(static_cast<unsigned char>(c)); });
    const std::string_view taken = rest.substr(0, static_cast<size_t>(end - rest.begin()));
    rest.remove_prefix(taken.size());
    return taken;
  }
  /// A number of exactly so many digits, before anything but a digit.
  std::optional<unsigned> take_number(size_t digits) {
    const Scanner before = *this;
    const std::string_view taken = take_while(std::isdigit);
    unsigned number = 0;
    if (taken.size() != digits) {
      *this = before;
      return std::nullopt;
    }
    std::from_chars(taken.data(), taken.data() + taken.size(), number);
    return number;
  }
};

// -- Distances from now

std::optional<microseconds> unit_named(std::string_view name) {
  struct Unit {
    std::string_view letters;
    std::string_view word;
    microseconds length;
  };
  constexpr std::array units{Unit{"us", "microsecond", microseconds(1)}, Unit{"ms", "millisecond", milliseconds(1)},
                             Unit{"s", "second", seconds(1)},            Unit{"sec", "second", seconds(1)},
                             Unit{"m", "minute", minutes(1)},            Unit{"min", "minute", minutes(1)},
                             Unit{"h", "hour", hours(1)},                Unit{"d", "day", days(1)},
                             Unit{"w", "week", weeks(1)}};
  const std::string_view singular = name.ends_with('s') ? name.substr(0, name.size() - 1) : name;
  const auto* const unit =
      std::ranges::find_if(units, [&](const Unit& each) { return name == each.letters || singular == each.word; });
  return unit == units.end() ? std::nullopt : std::optional(unit->length);
}

constexpr const char* distance_hint = "Say it like '2 hours ago', '1 hour 30 minutes ago' or -1h30m.";

Time before_now(std::string_view text, std::string_view distance, Time now) {
  Scanner scanner{distance};
  microseconds left = now.time_since_epoch();
  do {
    const std::string_view digits = scanner.take_while(std::isdigit);
    scanner.take_blanks();
    const std::string_view name = scanner.take_while(std::isalpha);
    scanner.take_blanks();
    if (digits.empty() || name.empty()) {
      throw bad_time(text, "whole numbers with their units are wanted", distance_hint);
    }
    const auto unit = unit_named(name);
    if (!unit) {
      throw bad_time(text, fmt::format("'{}' is not a unit", name),
                     "Units are us, ms, s, m (minutes), h, d and w, and their names: '2 hours ago'.");
    }
    int64_t count = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc{} || count > left / *unit) {
      throw bad_time(text, "it is before 1970", "Say a time in the history of the branch.");
    }
    left -= count * *unit;
  } while (!scanner.at_end());
  return Time(left);
}

// -- Times of the calendar

struct Calendar {
  std::optional<year_month_day> date;  ///< else so many days before that of now
  days days_ago{0};
  microseconds of_day{0};
  std::optional<minutes> offset;
};

/// Past the day of what begins with one and is not a label, such as "today-2" or "2026-10-07-before".
std::optional<Scanner> begin_day(std::string_view text, Calendar& calendar) {
  Scanner scanner{text};
  if (scanner.take("today") || scanner.take("yesterday")) {
    calendar.days_ago = days(text.starts_with("today") ? 0 : 1);
    return scanner.at_end() || scanner.rest[0] == ' ' ? std::optional(scanner) : std::nullopt;
  }
  const auto y = scanner.take_number(4);
  const auto m = y && scanner.take("-") ? scanner.take_number(2) : std::nullopt;
  const auto d = m && scanner.take("-") ? scanner.take_number(2) : std::nullopt;
  if (!d) {
    return std::nullopt;
  }
  calendar.date = year(static_cast<int>(*y)) / month(*m) / day(*d);
  if (scanner.at_end() || scanner.rest[0] == ' ') {
    return scanner;
  }
  const bool time_follows = (scanner.take("T") || scanner.take("t")) && scanner.at_digit();
  return time_follows && !is_name(text) ? std::optional(scanner) : std::nullopt;
}

constexpr const char* calendar_hint = "A time looks like 2026-10-07T14:30:00Z or 'yesterday 14:30 UTC'.";

microseconds take_fraction(std::string_view text, Scanner& scanner) {
  const std::string_view digits = scanner.take_while(std::isdigit);
  if (digits.empty()) {
    throw bad_time(text, "no digit follows the point", calendar_hint);
  }
  if (digits.size() > 6) {
    throw bad_time(text, "a second's fraction has at most six digits",
                   "PostgreSQL keeps microseconds: 14:30:00.123456.");
  }
  std::string padded(digits);
  padded.resize(6, '0');
  return microseconds(std::stoi(padded));
}

microseconds take_time_of_day(std::string_view text, Scanner& scanner) {
  const auto hour = scanner.take_number(2);
  const auto minute = hour && scanner.take(":") ? scanner.take_number(2) : std::nullopt;
  const bool has_seconds = minute && scanner.take(":");
  const auto second = has_seconds ? scanner.take_number(2) : std::optional(0U);
  if (!minute || !second) {
    throw bad_time(text, "a time of day is HH:MM or HH:MM:SS", calendar_hint);
  }
  // 60 is a leap second, which is the next minute's first (RFC 3339, 5.7).
  if (*hour > 23 || *minute > 59 || *second > 60) {
    throw bad_time(text, "there is no such time of day", calendar_hint);
  }
  const microseconds fraction = has_seconds && scanner.take(".") ? take_fraction(text, scanner) : microseconds(0);
  return hours(*hour) + minutes(*minute) + seconds(*second) + fraction;
}

std::optional<minutes> take_offset(std::string_view text, Scanner& scanner) {
  scanner.take_blanks();
  if (scanner.at_end()) {
    return std::nullopt;
  }
  const std::string_view name = std::exchange(scanner.rest, {});
  if (name == "Z" || name == "z" || name == "UTC") {
    return minutes(0);
  }
  const auto offset = parse_offset(name);
  if (!offset) {
    throw bad_time(text, fmt::format("'{}' is not an offset", name),
                   "An offset is Z, UTC or like +02:00; a zone with a name is said with --timezone.");
  }
  return offset;
}

std::optional<Calendar> parse_calendar(std::string_view text) {
  Calendar calendar;
  auto scanner = begin_day(text, calendar);
  if (!scanner) {
    return std::nullopt;
  }
  if (calendar.date && !calendar.date->ok()) {
    throw bad_time(text, "there is no such day", calendar_hint);
  }
  scanner->take_blanks();
  if (scanner->at_digit()) {
    calendar.of_day = take_time_of_day(text, *scanner);
  }
  calendar.offset = take_offset(text, *scanner);
  return calendar;
}

std::string local_text(LocalTime local) {
  std::string text = to_rfc3339(Time(local.time_since_epoch()));
  text.pop_back();  // the "Z"
  return text;
}

std::string clocks_of(const std::string& zone) {
  return zone == "local" ? std::string("this machine's clocks") : fmt::format("the clocks of {}", zone);
}

Time resolve(std::string_view text, const Calendar& calendar, Time now, const std::string& zone_name) {
  if (!calendar.offset && zone_name.empty()) {
    throw Error(ErrorCode::usage, fmt::format("'{}' does not say of which time zone it is", text),
                "Say which zone: 2026-10-07T14:30:00Z, or --timezone Europe/Berlin.");
  }
  const TimeZone zone = calendar.offset ? TimeZone::fixed(*calendar.offset) : TimeZone::find(zone_name);
  const LocalTime midnight =
      calendar.date ? LocalTime(local_days(*calendar.date)) : floor<days>(zone.local_of(now)) - calendar.days_ago;
  const LocalTime local = midnight + calendar.of_day;
  const auto readings = zone.moments_of(local);
  if (readings.empty()) {
    throw bad_time(text, fmt::format("{} were put forward over it", clocks_of(zone_name)),
                   fmt::format("Say an earlier or a later one, or say its offset as in {}Z.", local_text(local)));
  }
  if (readings.size() > 1) {
    std::string choices;
    for (const auto& reading : readings) {
      choices += fmt::format("{}{}{}", choices.empty() ? "" : " or ", local_text(local), format_offset(reading.offset));
    }
    throw Error(ErrorCode::usage,
                fmt::format("'{}' is ambiguous: {} were put back, and showed it twice", text, clocks_of(zone_name)),
                fmt::format("Say which: {}.", choices));
  }
  return within_range(text, readings.front().time);
}

}  // namespace

std::optional<Time> parse_time_text(std::string_view text, Time now, const std::string& zone) {
  if (text.starts_with('-')) {
    return before_now(text, text.substr(1), now);
  }
  if (constexpr std::string_view ago = " ago"; text.ends_with(ago)) {
    return before_now(text, text.substr(0, text.size() - ago.size()), now);
  }
  const auto calendar = parse_calendar(text);
  return calendar ? std::optional(resolve(text, *calendar, now, zone)) : std::nullopt;
}

}  // namespace bpg
