#pragma once

#include "bpg/storage/storage.hpp"

namespace bpg::storage {

/// Each volume is a dataset <dataset>/<volume>, mounted at <root>/volumes/<volume>; each snapshot a snapshot of the
/// dataset that holds it at the moment: `zfs promote` moves them.
class ZfsStorage : public Storage {
 public:
  /// Imports a file-backed pool that is not imported, and mounts the volumes that are not (after a reboot), where this user may.
  explicit ZfsStorage(Location location);

  const Location& location() const override { return m_location; }
  const Traits& traits() const override { return m_traits; }
  fs::path volume_path(const VolumeId& volume) const override;
  void create_volume(const VolumeId& volume, const Owner& owner, const Labels& labels) override;
  void create_snapshot(const VolumeId& volume, const SnapshotId& snapshot, const CopyRules& rules) override;
  fs::path snapshot_path(const SnapshotId& snapshot) const override;
  void clone_snapshot(const VolumeId& origin, const SnapshotId& snapshot, const VolumeId& clone,
                      const Labels& labels) override;
  void relabel(const std::map<VolumeId, Labels>& labels) override;
  void copy_volume(const VolumeId& volume, const VolumeId& clone, const CopyRules& rules) override;
  void destroy_snapshot(const VolumeId& volume, const SnapshotId& snapshot) override;
  void destroy_volume(const VolumeId& volume, std::span<const SnapshotId> snapshots) override;
  std::vector<VolumeId> list_volumes() const override;
  std::vector<SnapshotId> list_snapshots() const override;
  Space space() const override;
  std::map<VolumeId, Usage> usage(std::span<const VolumeId> volumes) const override;

 private:
  std::string dataset(const VolumeId& volume) const;
  void import_pool() const;
  void mount_volumes() const;
  FileLock lock_lineage() const;

  Location m_location;
  Traits m_traits;
};

}  // namespace bpg::storage
