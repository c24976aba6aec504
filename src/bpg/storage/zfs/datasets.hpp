#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/core/id.hpp"

namespace bpg::storage::zfs {

/// What one `zfs list` says of everything below a dataset.
class Datasets {
 public:
  static Datasets list(const std::string& parent);

  std::vector<VolumeId> volumes() const;
  std::vector<SnapshotId> snapshots() const;

  bool contains(const std::string& dataset) const;
  /// The full name of the snapshot, on whichever dataset it is now.
  std::optional<std::string> find_snapshot(const SnapshotId& snapshot) const;
  /// Full names, oldest first.
  std::vector<std::string> snapshots_of(const std::string& dataset) const;
  std::vector<std::string> clones_of(const std::string& snapshot) const;
  std::vector<std::string> children_of(const std::string& dataset) const;

 private:
  struct Entry {
    std::string name;
    std::string origin;  ///< "-" where it is no clone
  };
  std::string m_parent;
  std::vector<Entry> m_entries;
};

/// "tank/x@snap" is the snapshot "snap" of the dataset "tank/x".
std::string dataset_part(const std::string& snapshot);
std::string snapshot_part(const std::string& snapshot);

}  // namespace bpg::storage::zfs
