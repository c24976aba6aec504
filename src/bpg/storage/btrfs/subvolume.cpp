#include "bpg/storage/btrfs/subvolume.hpp"

#include <btrfsutil.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"

namespace bpg::storage::subvolume {

namespace {

void check(btrfs_util_error result, std::string_view doing, const fs::path& path) {
  if (result != BTRFS_UTIL_OK) {
    throw system_error(errno, fmt::format("cannot {} {}", doing, path.string()));
  }
}

btrfs_ioctl_get_subvol_rootref_args nested_in(const fs::path& path) {
  btrfs_ioctl_get_subvol_rootref_args found{};
  const UniqueFd fd = open_file(path, O_RDONLY | O_DIRECTORY);
  // EOVERFLOW: there are more than fit, which is answer enough. ENOTTY: before Linux 4.18; then nobody may know.
  if (::ioctl(fd.get(), BTRFS_IOC_GET_SUBVOL_ROOTREF, &found) != 0 && errno != EOVERFLOW && errno != ENOTTY) {
    throw system_error(errno, fmt::format("cannot list the subvolumes in {}", path.string()));
  }
  return found;
}

/// For who may not delete subvolumes (mount option user_subvol_rm_allowed): an empty one goes by rmdir(2).
void empty_by_hand(const fs::path& path) {
  check(btrfs_util_set_subvolume_read_only(path.c_str(), false), "make writable subvolume", path);
  remove_tree(path);
}

}  // namespace

bool on_btrfs(const fs::path& path) {
  struct statfs status {};
  return ::statfs(path.c_str(), &status) == 0 && status.f_type == BTRFS_SUPER_MAGIC;
}

void create(const fs::path& path) {
  check(btrfs_util_create_subvolume(path.c_str(), 0, nullptr, nullptr), "create subvolume", path);
}

void snapshot(const fs::path& source, const fs::path& target, Access access) {
  const int flags = access == Access::read_only ? BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY : 0;
  check(btrfs_util_create_snapshot(source.c_str(), target.c_str(), flags, nullptr, nullptr), "create snapshot",
        target);
}

void refuse_nested(const fs::path& path) {
  if (nested_in(path).num_items > 0) {
    throw Error(ErrorCode::refused, fmt::format("there is a subvolume inside {}", path.string()),
                "A snapshot would leave it out. Find it with 'btrfs subvolume list -o', and replace it by a "
                "plain directory.");
  }
}

void destroy(const fs::path& path) {
  const btrfs_util_error kind = btrfs_util_is_subvolume(path.c_str());
  if (kind == BTRFS_UTIL_ERROR_NOT_SUBVOLUME || kind == BTRFS_UTIL_ERROR_NOT_BTRFS) {
    remove_tree(path);
    return;
  }
  if (kind != BTRFS_UTIL_OK && errno == ENOENT) {
    return;
  }
  check(kind, "look at subvolume", path);
  if (btrfs_util_delete_subvolume(path.c_str(), 0) == BTRFS_UTIL_OK || errno == ENOENT) {
    return;
  }
  const int reason = errno;
  if (reason == EPERM && ::geteuid() != 0) {
    empty_by_hand(path);
    return;
  }
  const Error error = system_error(reason, fmt::format("cannot delete subvolume {}", path.string()));
  refuse_nested(path);
  throw error;
}

void commit(const fs::path& path) {
  uint64_t transaction = 0;
  check(btrfs_util_start_sync(path.c_str(), &transaction), "commit", path);
  check(btrfs_util_wait_sync(path.c_str(), transaction), "commit", path);
}

}  // namespace bpg::storage::subvolume
