#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace bpg {

/// A moment in UTC, to the microsecond, as PostgreSQL's timestamptz and the catalog keep it.
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// Where the time comes from; tests bring their own.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

/// The machine's clock. `BPG_CLOCK_OFFSET` (seconds) in the environment shifts it, for tests.
const Clock& system_clock();

/// RFC 3339 in UTC: "2026-10-07T14:30:00.123456Z"; without the fraction where it is zero.
std::string to_rfc3339(Time time);

/// The moment that an RFC 3339 text names: with a zone ("Z", "+02:00"), a blank instead of the "T" and up to six digits of
/// a second's fraction. Nothing where it is not one.
std::optional<Time> parse_rfc3339(std::string_view text);

/// How long ago, for people: "3 min", "2 h", "5 d". Says nothing about clocks or zones.
std::string format_age(std::chrono::microseconds age);

}  // namespace bpg
