#pragma once

#include "bpg/storage/directory_storage.hpp"

namespace bpg::storage {

/// Each volume is a subvolume, each snapshot a read-only one.
class BtrfsStorage : public DirectoryStorage {
 public:
  explicit BtrfsStorage(Location location);

  void create_volume(const VolumeId& volume, const Owner& owner, const Labels& labels) override;
  void create_snapshot(const VolumeId& volume, const SnapshotId& snapshot, const CopyRules& rules) override;
  void clone_snapshot(const VolumeId& origin, const SnapshotId& snapshot, const VolumeId& clone,
                      const Labels& labels) override;
  void copy_volume(const VolumeId& volume, const VolumeId& clone, const CopyRules& rules) override;
  void destroy_snapshot(const VolumeId& volume, const SnapshotId& snapshot) override;
  void destroy_volume(const VolumeId& volume, std::span<const SnapshotId> snapshots) override;

 protected:
  MeasureFile measure_file() const override;
};

}  // namespace bpg::storage
