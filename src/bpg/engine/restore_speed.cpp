#include "bpg/engine/restore_speed.hpp"

#include <algorithm>
#include <string>

#include "bpg/wal/lines.hpp"

namespace bpg::engine {

namespace {

using std::chrono::microseconds;

/// Measured on 2 cores (bench/README.md): 100 segments of 16 MB in 11.6 s on a busy machine.
constexpr double assumed_bytes_per_second = 140e6;
/// On 2 busy cores, a restore on Btrfs with 100 kB to replay, the new base included: 0.55 s.
constexpr microseconds assumed_fixed{500'000};
/// Of less, the start of the server is what takes the time, and no rate can be told.
constexpr uint64_t enough_for_a_rate = 16 << 20;

constexpr const char* fixed_key = "restore speed/fixed microseconds";
constexpr const char* rate_key = "restore speed/bytes per second";

microseconds time_for(uint64_t bytes, double bytes_per_second) {
  return microseconds(static_cast<int64_t>(static_cast<double>(bytes) / bytes_per_second * 1e6));
}

template <class Number>
Number half_way(const std::optional<Number>& before, Number now) {
  return before ? (*before + now) / 2 : now;
}

std::optional<uint64_t> number_at(const catalog::Catalog& catalog, const std::string& key) {
  const auto text = catalog.value(key);
  return text ? wal::parse_number<uint64_t>(*text) : std::nullopt;
}

}  // namespace

microseconds RestoreSpeed::estimate(uint64_t wal_bytes) const {
  return fixed.value_or(assumed_fixed) + time_for(wal_bytes, bytes_per_second.value_or(assumed_bytes_per_second));
}

RestoreSpeed RestoreSpeed::after(const MeasuredRestore& restore) const {
  RestoreSpeed speed = *this;
  microseconds replay = std::min(restore.replay, restore.total);
  if (restore.wal_bytes >= enough_for_a_rate && replay.count() > 0) {
    // Half way in time, not in speed: so the estimate for the same WAL is the mean of the one before and what it took.
    const std::optional before = bytes_per_second ? std::optional(1 / *bytes_per_second) : std::nullopt;
    speed.bytes_per_second = 1 / half_way(before, static_cast<double>(replay.count()) / 1e6 / static_cast<double>(restore.wal_bytes));
  } else {
    replay = std::min(restore.total, time_for(restore.wal_bytes, bytes_per_second.value_or(assumed_bytes_per_second)));
  }
  speed.fixed = half_way(fixed, restore.total - replay);
  return speed;
}

RestoreSpeed restore_speed(const catalog::Catalog& catalog) {
  RestoreSpeed speed;
  if (const auto number = number_at(catalog, fixed_key)) {
    speed.fixed = microseconds(*number);
  }
  if (const auto number = number_at(catalog, rate_key); number && *number > 0) {
    speed.bytes_per_second = static_cast<double>(*number);
  }
  return speed;
}

void set_restore_speed(catalog::Catalog& catalog, const RestoreSpeed& speed) {
  if (speed.fixed) {
    catalog.set_value(fixed_key, std::to_string(speed.fixed->count()));
  }
  if (speed.bytes_per_second) {
    catalog.set_value(rate_key, std::to_string(static_cast<uint64_t>(*speed.bytes_per_second)));
  }
}

}  // namespace bpg::engine
