#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bpg/util/clock.hpp"

namespace bpg {

/// A kind of period. Periods are of UTC, so that no change to or from daylight saving time makes one longer, shorter or
/// double: the hour, the day, the week from Monday on (ISO 8601), the month of the calendar.
enum class RetentionUnit { hourly, daily, weekly, monthly };

/// From the finest to the coarsest.
inline constexpr std::array retention_units{RetentionUnit::hourly, RetentionUnit::daily, RetentionUnit::weekly,
                                            RetentionUnit::monthly};

const char* to_string(RetentionUnit unit);

/// How many moments to keep of each unit: one of each of the last so many periods that have any. 0: the unit does not count.
struct Retention {
  int hourly = 0;
  int daily = 0;
  int weekly = 0;
  int monthly = 0;

  int of(RetentionUnit unit) const;
  bool operator==(const Retention&) const = default;

  /// "hourly=24,daily=7": one unit or more in any order, each once and with at least 1. Throws `Error{usage}`.
  static Retention parse(std::string_view text);
  /// In the same form, from the finest unit to the coarsest.
  std::string str() const;

  /// The finest unit that counts; at least one has to.
  RetentionUnit finest() const;
};

/// When the period in which `moment` lies began, and when the next one begins.
Time period_start(RetentionUnit unit, Time moment);
Time period_end(RetentionUnit unit, Time moment);

/// For each of `moments`, in whatever order they are, the units that keep it; none: it may go.
///
/// Each unit goes from the newest to the oldest, and keeps the newest of each period until it has kept its number; a period
/// without any does not count. So every unit that counts keeps the newest of all.
std::vector<std::vector<RetentionUnit>> kept_by(const Retention& retention, std::span<const Time> moments);

}  // namespace bpg
