#pragma once

#include <string>

#include "bpg/storage/zfs/delegation.hpp"

namespace bpg::storage::zfs {

/// What bpg-mount does as root for the user to whom that was delegated: with a child of the delegated dataset, at its place in the
/// delegated directory, and with nothing else. `name` is a volume's or a snapshot's id (of a dataset that keeps snapshots); any other is
/// refused. What is done already is success.

/// Without set-uid programs and devices. A new file system, which is empty, becomes the user's.
void mount_for(const Delegation& delegation, const std::string& name);

/// Unmounts it, and removes the mount point, so that no other command finds a volume there that is to be mounted.
void unmount_for(const Delegation& delegation, const std::string& name);

}  // namespace bpg::storage::zfs
