#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "bpg/catalog/catalog.hpp"

namespace bpg::engine {

/// A restore that was made.
struct MeasuredRestore {
  uint64_t wal_bytes = 0;               ///< how much was replayed
  std::chrono::microseconds replay{};   ///< until the server had replayed it, its start included
  std::chrono::microseconds total{};    ///< from the plan on
};

/// How fast restores are: what each takes however little is replayed, and how much WAL is fetched and replayed in a second.
/// Each is as it was measured on this machine, where that has been; else an assumption.
struct RestoreSpeed {
  std::optional<std::chrono::microseconds> fixed{};
  std::optional<double> bytes_per_second{};

  std::chrono::microseconds estimate(uint64_t wal_bytes) const;

  /// With what that restore teaches. The first one takes the assumption's place, each further one counts half.
  RestoreSpeed after(const MeasuredRestore& restore) const;

  bool operator==(const RestoreSpeed&) const = default;
};

RestoreSpeed restore_speed(const catalog::Catalog& catalog);

/// In a transaction.
void set_restore_speed(catalog::Catalog& catalog, const RestoreSpeed& speed);

}  // namespace bpg::engine
