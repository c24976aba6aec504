#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpg/util/clock.hpp"

namespace bpg {

/// What the clocks on the wall of some zone show.
using LocalTime = std::chrono::local_time<std::chrono::microseconds>;

/// "+02:00", "+0200", "+02", "-05:30": how far a zone is ahead of UTC. Nothing where it is not one.
std::optional<std::chrono::minutes> parse_offset(std::string_view text);

/// "+02:00"
std::string format_offset(std::chrono::minutes offset);

/// A rule that tells what clocks show at a moment.
///
/// All but fixed offsets are asked of the C library, by way of the process's TZ: these functions must not run while
/// another thread reads or writes the environment. They leave TZ as it was.
class TimeZone {
 public:
  static TimeZone utc() { return fixed({}); }
  static TimeZone fixed(std::chrono::minutes offset);

  /// "Europe/Berlin", "UTC", "local" (the machine's, or what TZ says) or "+02:00". Throws `Error{usage}` where there is
  /// none of that name: the C library would take it for UTC.
  static TimeZone find(const std::string& name);

  LocalTime local_of(Time time) const;

  struct Reading {
    Time time;
    std::chrono::minutes offset;  ///< of whole minutes, as all are since 1972
  };
  /// The moments at which the clocks show `local`, in order: one, or none where they were put forward over it, or two
  /// where they were put back.
  std::vector<Reading> moments_of(LocalTime local) const;

 private:
  TimeZone() = default;
  std::optional<std::chrono::minutes> m_offset;  ///< a fixed one; else what the C library says
  std::optional<std::string> m_variable;         ///< what TZ is to be; nothing: as it is
};

}  // namespace bpg
