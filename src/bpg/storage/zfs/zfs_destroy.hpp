#pragma once

#include <span>
#include <string>

#include "bpg/core/id.hpp"

namespace bpg::storage::zfs {

/// Destroys a snapshot of a volume below `parent`, wherever a promote has moved it. `has_children` where a volume was
/// made of it. Where only a promote has bound a volume to it, nobody can use it any more, and its space comes free
/// with the last such volume.
void destroy_snapshot(const std::string& parent, const SnapshotId& snapshot);

/// Destroys a volume and those snapshots. Snapshots of it that are not among them live on in one of their clones, which
/// is promoted, or, where there is none, in a dataset that is made for it: <parent>/<snapshot>, without mount point.
void destroy_volume(const std::string& parent, const VolumeId& volume, std::span<const SnapshotId> snapshots);

}  // namespace bpg::storage::zfs
