#include "bpg/storage/tree_storage.hpp"

#include <fmt/format.h>

#include "bpg/storage/errors.hpp"

namespace bpg::storage {

namespace {

/// The fsync makes it durable: what is forgotten must not come back after a crash.
void remove_durably(const fs::path& path) {
  remove_tree(path);
  fsync_path(path.parent_path());
}

}  // namespace

void TreeStorage::create_volume(const VolumeId& volume, const Owner& owner, const Labels&) {
  in_storage(fmt::format("creating volume {}", volume.str()), [&] {
    require_absent(volume);
    make_directory(volume_path(volume), 0700, owner);
    fsync_path(volume_path(volume));
    fsync_path(volume_path(volume).parent_path());
  });
}

void TreeStorage::create_snapshot(const VolumeId& volume, const SnapshotId& snapshot, const CopyRules& rules) {
  in_storage(fmt::format("taking snapshot {} of volume {}", snapshot.str(), volume.str()), [&] {
    require(volume);
    require_absent(snapshot);
    copy(volume_path(volume), snapshot_path(snapshot), rules);
  });
}

void TreeStorage::clone_snapshot(const VolumeId&, const SnapshotId& snapshot, const VolumeId& clone, const Labels&) {
  in_storage(fmt::format("cloning snapshot {} as volume {}", snapshot.str(), clone.str()), [&] {
    require(snapshot);
    require_absent(clone);
    copy(snapshot_path(snapshot), volume_path(clone), {});
  });
}

void TreeStorage::copy_volume(const VolumeId& volume, const VolumeId& clone, const CopyRules& rules) {
  in_storage(fmt::format("copying volume {} as volume {}", volume.str(), clone.str()), [&] {
    require(volume);
    require_absent(clone);
    copy(volume_path(volume), volume_path(clone), rules);
  });
}

void TreeStorage::destroy_snapshot(const VolumeId&, const SnapshotId& snapshot) {
  in_storage(fmt::format("destroying snapshot {}", snapshot.str()), [&] { remove_durably(snapshot_path(snapshot)); });
}

void TreeStorage::destroy_volume(const VolumeId& volume, std::span<const SnapshotId> snapshots) {
  for (const SnapshotId& snapshot : snapshots) {
    destroy_snapshot(volume, snapshot);
  }
  in_storage(fmt::format("destroying volume {}", volume.str()), [&] { remove_durably(volume_path(volume)); });
}

}  // namespace bpg::storage
