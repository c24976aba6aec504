#include "bpg/storage/examine.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "bpg/storage/btrfs/subvolume.hpp"
#include "bpg/storage/directory_storage.hpp"
#include "bpg/storage/file_system.hpp"
#include "bpg/storage/pool/pool_image.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/storage/zfs/zfs_examine.hpp"
#include "bpg/storage/zfs/zfs_set_up.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage {

namespace {

using enum Check::Verdict;

constexpr int low_percent = 10;

bool is_pool_image(const Location& location) { return location.driver == "btrfs" && !location.image.empty(); }

/// Only making a file-backed pool takes it.
Check examine_btrfs_progs(bool wanted) {
  if (find_program("mkfs.btrfs")) {
    return {"btrfs-progs", ok, "installed"};
  }
  return wanted ? Check{"btrfs-progs", warning, "not installed: 'bpg init' cannot make a file-backed Btrfs pool",
                        "apt-get install btrfs-progs"}
                : Check{"btrfs-progs", ok, "not installed; only 'bpg init' with a file-backed Btrfs pool needs it"};
}

Check examine_loop_devices(bool needed, bool wanted) {
  if (fs::exists("/dev/loop-control")) {
    return {"loop devices", ok, "there are some"};
  }
  if (!needed && !wanted) {
    return {"loop devices", ok, "none; only a file-backed Btrfs pool needs one"};
  }
  return {"loop devices", needed ? missing : warning, "none: a file-backed Btrfs pool cannot be mounted", "modprobe loop"};
}

fs::path nearest_existing(fs::path path) {
  while (!fs::exists(path) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path;
}

Check predict(const fs::path& home) {
  const bool root = ::geteuid() == 0;
  if (const auto pool = root ? usable_zfs_pool() : std::nullopt) {
    return {"storage", ok, fmt::format("none chosen yet; there is the zfs pool '{}'", *pool)};
  }
  if (const auto dataset = root ? std::nullopt : delegated_dataset()) {
    return {"storage", ok, fmt::format("none chosen yet; root has delegated the zfs dataset {}", *dataset)};
  }
  const std::string name = file_system_name(nearest_existing(home));
  if (name == "btrfs" || name == "xfs") {
    return {"storage", ok, fmt::format("none chosen yet; {} is on {}", home.string(), name)};
  }
  if (root && find_program("mkfs.btrfs") && fs::exists("/dev/loop-control")) {
    return {"storage", ok, fmt::format("none chosen yet; {} is on {}, and a file-backed Btrfs pool can be made", home.string(), name)};
  }
  return {"storage", warning, fmt::format("none chosen yet; {} is on {}: each branch would be a full copy", home.string(), name),
          "bpg init --path DIR, with a directory on Btrfs or XFS"};
}

Check examine_location(const Location& location) {
  const std::string where = fmt::format("{} in {}", location.driver, location.root.string());
  if (is_pool_image(location)) {
    if (!fs::exists(location.image)) {
      return {"storage", missing, fmt::format("the pool's file {} is not there", location.image.string()),
              "mount the file system that holds it"};
    }
    if (!PoolImage(location.image, location.root).mounted()) {
      return {"storage", missing, fmt::format("the pool {} is not mounted", location.image.string()), "sudo bpg status"};
    }
  }
  if (!fs::exists(volumes_directory(location.root))) {
    return {"storage", missing, fmt::format("there is no {}", volumes_directory(location.root).string()),
            "mount the file system that holds it"};
  }
  if (location.driver == "btrfs" && !subvolume::on_btrfs(location.root)) {
    return {"storage", missing, fmt::format("{} is not on btrfs", location.root.string()), "mount the file system that holds it"};
  }
  if (location.driver == "copy") {
    return {"storage", ok, where + ": each branch is a full copy"};
  }
  return {"storage", ok, where};
}

Space measure(const Location& location) {
  if (location.driver != "zfs") {
    return space_of(location.root);
  }
  Space space;
  for (const char* name : {"used", "available"}) {
    const uint64_t bytes = std::stoull(zfs::property(location.dataset, name).value_or("0"));
    space.total_bytes += bytes;
    space.free_bytes = bytes;
  }
  return space;
}

Check examine_space(const Location& location, uint64_t reserve_bytes) {
  try {
    const Space space = measure(location);
    const std::string free = fmt::format("{} of {} are free", format_bytes(space.free_bytes), format_bytes(space.total_bytes));
    if (space.free_bytes < reserve_bytes) {
      return {"space", missing, fmt::format("{}: less than storage.reserve ({}), so that nothing new is made", free, format_bytes(reserve_bytes)),
              "bpg cleanup"};
    }
    if (space.free_bytes < space.total_bytes / 100 * low_percent) {
      return {"space", warning, free + ": a full storage stops all branches at once", "bpg cleanup"};
    }
    return {"space", ok, free};
  } catch (const Error& error) {
    return {"space", missing, error.message(), "bpg status"};
  }
}

}  // namespace

std::vector<Check> examine(const Examination& examination) {
  const auto& location = examination.location;
  const bool is_zfs = location && location->driver == "zfs";
  const bool may_choose = !location && ::geteuid() == 0;
  std::vector<Check> checks{examine_zfs(is_zfs), examine_btrfs_progs(may_choose),
                            examine_loop_devices(location && is_pool_image(*location), may_choose)};
  if (!location) {
    checks.push_back(predict(examination.home));
    return checks;
  }
  checks.push_back(examine_location(*location));
  bool usable = checks.back().verdict != missing && checks.front().verdict != missing;
  if (is_zfs && checks.front().verdict == ok) {
    for (Check& check : examine_zfs_pool(*location)) {
      usable = usable && check.verdict != missing;
      checks.push_back(std::move(check));
    }
  }
  if (usable) {
    checks.push_back(examine_space(*location, examination.reserve_bytes));
  }
  return checks;
}

}  // namespace bpg::storage
