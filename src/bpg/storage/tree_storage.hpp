#pragma once

#include "bpg/storage/directory_storage.hpp"
#include "bpg/storage/tree_copy.hpp"

namespace bpg::storage {

/// What the drivers share that copy a tree file by file, each in its own way.
class TreeStorage : public DirectoryStorage {
 public:
  using DirectoryStorage::DirectoryStorage;

  void create_volume(const VolumeId& volume, const Owner& owner, const Labels& labels) override;
  void create_snapshot(const VolumeId& volume, const SnapshotId& snapshot, const CopyRules& rules) override;
  void clone_snapshot(const VolumeId& origin, const SnapshotId& snapshot, const VolumeId& clone,
                      const Labels& labels) override;
  void copy_volume(const VolumeId& volume, const VolumeId& clone, const CopyRules& rules) override;
  void destroy_snapshot(const VolumeId& volume, const SnapshotId& snapshot) override;
  void destroy_volume(const VolumeId& volume, std::span<const SnapshotId> snapshots) override;

 protected:
  virtual void copy(const fs::path& source, const fs::path& target, const CopyRules& rules) const = 0;
};

}  // namespace bpg::storage
