#include <fmt/format.h>

#include "bpg/storage/btrfs/btrfs_storage.hpp"
#include "bpg/storage/btrfs/subvolume.hpp"
#include "bpg/storage/copy/copy_storage.hpp"
#include "bpg/storage/errors.hpp"
#include "bpg/storage/pool/pool_image.hpp"
#include "bpg/storage/reflink/reflink_storage.hpp"
#include "bpg/storage/zfs/zfs_storage.hpp"

namespace bpg::storage {

namespace {

std::unique_ptr<Storage> open_btrfs(const Location& location) {
  if (!location.image.empty()) {
    PoolImage(location.image, location.root).mount();
  }
  if (!subvolume::on_btrfs(location.root)) {
    throw Error(ErrorCode::storage, fmt::format("there is no btrfs at {}", location.root.string()),
                "Mount the file system that holds the databases.");
  }
  return std::make_unique<BtrfsStorage>(location);
}

}  // namespace

std::unique_ptr<Storage> open(const Location& location) {
  return in_storage("opening the storage", [&]() -> std::unique_ptr<Storage> {
    if (location.driver == "btrfs") {
      return open_btrfs(location);
    }
    if (location.driver == "reflink") {
      return std::make_unique<ReflinkStorage>(location);
    }
    if (location.driver == "copy") {
      return std::make_unique<CopyStorage>(location);
    }
    if (location.driver == "zfs") {
      return std::make_unique<ZfsStorage>(location);
    }
    throw Error(ErrorCode::storage, fmt::format("there is no storage driver '{}'", location.driver));
  });
}

}  // namespace bpg::storage
