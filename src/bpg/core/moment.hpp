#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "bpg/core/lsn.hpp"
#include "bpg/util/clock.hpp"

namespace bpg {

struct AtNow {
  bool operator==(const AtNow&) const = default;
};
struct AtTime {
  Time time;
  bool operator==(const AtTime&) const = default;
};
struct AtLsn {
  Lsn lsn;
  bool operator==(const AtLsn&) const = default;
};
struct AtTransaction {
  uint32_t xid;
  bool operator==(const AtTransaction&) const = default;
};
struct AtRestorePoint {
  std::string name;
  bool operator==(const AtRestorePoint&) const = default;
};
struct AtSnapshot {
  std::string name;  ///< a snapshot's id or label: whether there is one, only the catalog knows
  bool operator==(const AtSnapshot&) const = default;
};

/// A moment of a branch's history.
using Moment = std::variant<AtNow, AtTime, AtLsn, AtTransaction, AtRestorePoint, AtSnapshot>;

/// What somebody typed to name a moment: "now", a time (core/time_text.hpp), an LSN ("0/953F5508"), "xid:1234",
/// "@NAME" (a restore point), a snapshot's label or id. Throws `Error{usage}` where it is none of them.
///
/// `zone`: of a time that says none itself (util/time_zone.hpp); empty: such a time is refused.
///
/// A label may be "now", "today" or "2026-10-07": they are times here. Who prefers the snapshot looks for it first.
Moment parse_moment(std::string_view text, Time now, const std::string& zone);

/// So that parse_moment() reads the same: "now", "2026-10-07T14:30:00Z", "0/953F5508", "xid:1234", "@name", a
/// snapshot's label or id.
std::string to_string(const Moment& moment);

}  // namespace bpg
