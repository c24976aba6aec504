#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace bpg::storage::zfs {

/// Making, mounting and destroying file systems, by whoever runs bpg. Root's `zfs` mounts and unmounts as it goes; for another user the
/// program bpg-mount does that, by sudo, as far as `bpg setup` has allowed it. Where sudo refuses: `Error{permission}`.

/// `zfs create` or `zfs clone` with these arguments, the last of which is the name; then it is mounted.
void make_mounted(const std::vector<std::string>& arguments);

/// A clone that nobody looks into. ZFS mounts another user's at the next boot, beside their volumes: only root may say `mountpoint=none`.
void clone_unmounted(const std::string& snapshot, const std::string& name);

/// Mounts what is there and not mounted. What was unmounted a moment ago may still be on its way out: waits that long for it.
void mount(const std::string& dataset, std::chrono::milliseconds wait);

/// Unmounts it and destroys it, and nothing but it, once it is idle.
void destroy_file_system(const std::string& dataset);

/// Whether user properties may be set. That is not delegated: some of root's programs take orders from them
/// (zfs-mount-generator(8)).
bool may_label();

/// The verbs of bpg-mount.
inline constexpr const char* mount_verb = "mount";
inline constexpr const char* unmount_verb = "unmount";
inline constexpr const char* check_verb = "check";

/// Throws as the others would, where what this user mounts could not be mounted.
void require_mounting();

}  // namespace bpg::storage::zfs
