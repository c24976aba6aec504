#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

struct CleanUpWal {
  std::optional<Subject> subject{};          ///< nothing: all branches
  /// Any moment of so long is to stay restorable; nothing: any since the oldest of the user's snapshots.
  std::optional<std::chrono::seconds> window{};
  bool dry_run = false;
};

/// Moments that a clean-up gives up, though the snapshot before them stays.
struct GivenUp {
  SnapshotId snapshot;
  std::string label;  ///< may be empty
  Time from{};        ///< that of the snapshot: itself can be restored,
  Time until{};       ///< as can this and what is later
};

/// What was looked at. With `dry_run`, the numbers tell what would be.
struct WalCleanUpEntry {
  std::string subject;
  VolumeId volume;
  std::string state;       ///< "present" or "kept"
  uint64_t segments = 0;   ///< that were removed
  uint64_t bytes = 0;      ///< that this freed
  std::optional<std::string> kept_from{};  ///< the segment at which the archive begins then; nothing: nothing is cut off
  std::optional<Time> restorable_from{};   ///< any moment since then can be restored; of the present volume, where anything can be
  std::string why{};                       ///< what holds what is left
  std::vector<GivenUp> given_up{};
  std::string problem{};   ///< why it could not be cleaned up, and all of it may still be there; empty where it was
};

/// Removes WAL that nothing needs from the archives of branches. Each branch is locked meanwhile, so that nobody restores from
/// what goes; its server goes on. What is kept for the retention window is left alone. Throws `Error{refused}` where the
/// subject's WAL is not archived. Of all branches, one that fails does not keep the others from being cleaned up: its entry tells.
std::vector<WalCleanUpEntry> clean_up_wal(Context& context, const CleanUpWal& request);

}  // namespace bpg::engine
