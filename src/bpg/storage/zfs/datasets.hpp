#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/core/id.hpp"

namespace bpg::storage::zfs {

/// What one `zfs list` says of a dataset and everything below it.
class Datasets {
 public:
  static Datasets list(const std::string& parent);

  std::vector<VolumeId> volumes() const;
  std::vector<SnapshotId> snapshots() const;

  bool contains(const std::string& dataset) const;
  /// The full name of the snapshot, on whichever dataset it is now. One that is to be destroyed with its last clone is
  /// found no more.
  std::optional<std::string> find_snapshot(const SnapshotId& snapshot) const;
  /// Full names, oldest first.
  std::vector<std::string> snapshots_of(const std::string& dataset) const;
  /// Every dataset that ZFS binds to this snapshot.
  std::vector<std::string> clones_of(const std::string& snapshot) const;
  /// Those of them that were made of this snapshot. The others came to it by a promote.
  std::vector<std::string> children_of_snapshot(const std::string& snapshot) const;
  std::vector<std::string> children_of(const std::string& dataset) const;
  /// The full name of the snapshot that ZFS binds the dataset to; empty where it is no clone.
  std::string origin_of(const std::string& dataset) const;
  /// Is there nothing but this dataset?
  bool only(const std::string& dataset) const;

 private:
  struct Entry {
    std::string name;
    std::string origin;       ///< "-" where it is no clone
    std::string made_from;    ///< the id of the snapshot that it was made of
    bool deferred = false;    ///< a snapshot that goes with its last clone
  };

  std::string m_parent;
  std::vector<Entry> m_entries;
};

/// The user property (zfsprops(8)) of a volume that names the snapshot it was made of.
inline constexpr const char* made_from_property = "betterpg:origin";

/// "tank/x@snap" is the snapshot "snap" of the dataset "tank/x".
std::string dataset_part(const std::string& snapshot);
std::string snapshot_part(const std::string& snapshot);

/// "tank/x" is in the pool "tank".
std::string pool_part(const std::string& dataset);

}  // namespace bpg::storage::zfs
