#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bpg/util/clock.hpp"

namespace bpg {

/// The time that somebody typed: RFC 3339 ("2026-10-07T14:30:00Z"; a blank for the T; without seconds; "2026-10-07"
/// alone, which is midnight), "today" and "yesterday" with or without a time of day, and distances from `now`
/// ("2 hours ago", "-1d12h"; a day is 24 hours, a week seven such days).
///
/// A time without an offset is one of `zone` (util/time_zone.hpp), and refused where that is empty. Nothing where the
/// text does not look like a time; throws `Error{usage}` where it does and is none, is ambiguous, or is not within the
/// years 1970 to 9999.
std::optional<Time> parse_time_text(std::string_view text, Time now, const std::string& zone);

}  // namespace bpg
