#include "bpg/storage/btrfs/btrfs_storage.hpp"

#include <fmt/format.h>

#include "bpg/storage/btrfs/subvolume.hpp"
#include "bpg/storage/errors.hpp"
#include "bpg/storage/extents.hpp"

namespace bpg::storage {

BtrfsStorage::BtrfsStorage(Location location)
    : DirectoryStorage(std::move(location), Traits{.atomic_snapshot = true, .shares_space = true}) {}

void BtrfsStorage::create_volume(const VolumeId& volume, const Owner& owner, const Labels&) {
  in_storage(fmt::format("creating volume {}", volume.str()), [&] {
    require_absent(volume);
    subvolume::create(volume_path(volume));
    make_directory(volume_path(volume), 0700, owner);
    fsync_path(volume_path(volume));
  });
}

void BtrfsStorage::create_snapshot(const VolumeId& volume, const SnapshotId& snapshot, const CopyRules&) {
  in_storage(fmt::format("taking snapshot {} of volume {}", snapshot.str(), volume.str()), [&] {
    require(volume);
    require_absent(snapshot);
    subvolume::refuse_nested(volume_path(volume));
    subvolume::snapshot(volume_path(volume), snapshot_path(snapshot), subvolume::Access::read_only);
  });
}

void BtrfsStorage::clone_snapshot(const VolumeId&, const SnapshotId& snapshot, const VolumeId& clone, const Labels&) {
  in_storage(fmt::format("cloning snapshot {} as volume {}", snapshot.str(), clone.str()), [&] {
    require(snapshot);
    require_absent(clone);
    subvolume::snapshot(snapshot_path(snapshot), volume_path(clone), subvolume::Access::writable);
  });
}

void BtrfsStorage::copy_volume(const VolumeId& volume, const VolumeId& clone, const CopyRules&) {
  in_storage(fmt::format("copying volume {} as volume {}", volume.str(), clone.str()), [&] {
    require(volume);
    require_absent(clone);
    subvolume::refuse_nested(volume_path(volume));
    subvolume::snapshot(volume_path(volume), volume_path(clone), subvolume::Access::writable);
  });
}

void BtrfsStorage::destroy_snapshot(const VolumeId&, const SnapshotId& snapshot) {
  in_storage(fmt::format("destroying snapshot {}", snapshot.str()), [&] {
    subvolume::destroy(snapshot_path(snapshot));
    subvolume::commit(location().root);
  });
}

void BtrfsStorage::destroy_volume(const VolumeId& volume, std::span<const SnapshotId> snapshots) {
  in_storage(fmt::format("destroying volume {}", volume.str()), [&] {
    for (const SnapshotId& snapshot : snapshots) {
      subvolume::destroy(snapshot_path(snapshot));
    }
    subvolume::destroy(volume_path(volume));
    subvolume::commit(location().root);
  });
}

MeasureFile BtrfsStorage::measure_file() const { return extent_usage; }

}  // namespace bpg::storage
