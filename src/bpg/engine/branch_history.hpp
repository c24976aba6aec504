#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// A volume that a branch pointed at, and when.
struct Stay {
  Volume volume;
  Time from{};
  std::optional<Time> until{};  ///< nothing: it points there now
};

/// The volumes that the branch has pointed at, oldest first; one to which an undo went back more than once. Those that were
/// freed are among them, `deleted`.
std::vector<Stay> stays_of(const Context& context, const Branch& branch);

/// A snapshot from which recovery along the WAL of a volume can begin.
struct Base {
  Snapshot snapshot;
  Lsn bound;  ///< all that it holds stands before: recovery may stop at any record that begins here or later
};

/// The bases of a volume, oldest first: its own snapshots, and its origin where its history begins there.
std::vector<Base> bases_of(const Context& context, const Volume& volume);

/// What can be restored of a volume's history.
struct RestorableRange {
  Time from{};                      ///< any moment from here on,
  std::optional<Time> until{};      ///< up to here; nothing: up to now
  Lsn from_lsn;
  Lsn until_lsn;                    ///< what is archived by now
};

/// Nothing where the volume has no archive, or no base whose WAL it still has.
std::optional<RestorableRange> restorable_range(const Context& context, const Stay& stay);

/// A line of `bpg branch history`.
struct HistoryEntry {
  VolumeId volume;
  std::string state;                ///< "present", "kept" or "freed"
  std::string came_by;              ///< "create", "reset", "restore" or "undo"
  std::optional<VolumeId> parent{};
  Time from{};
  std::optional<Time> until{};
  bool archived = false;
  std::optional<RestorableRange> range{};
};

/// Newest first.
std::vector<HistoryEntry> branch_history(const Context& context, const Subject& subject);

}  // namespace bpg::engine
