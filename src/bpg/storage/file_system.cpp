#include "bpg/storage/file_system.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <fmt/format.h>

namespace bpg::storage {

std::string file_system_name(const std::filesystem::path& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) {
    return "an unknown file system";
  }
  constexpr unsigned long zfs_magic = 0x2fc12fc1;  // OpenZFS, include/sys/fs/zfs.h; not in linux/magic.h
  switch (static_cast<unsigned long>(status.f_type)) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlayfs";
    case NFS_SUPER_MAGIC:
      return "nfs";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case FUSE_SUPER_MAGIC:
      return "fuse";
    case zfs_magic:
      return "zfs";
    default:
      return fmt::format("a file system of type {:#x}", static_cast<unsigned long>(status.f_type));
  }
}

}  // namespace bpg::storage
