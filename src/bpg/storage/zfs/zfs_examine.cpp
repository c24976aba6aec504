#include "bpg/storage/zfs/zfs_examine.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "bpg/storage/zfs/datasets.hpp"
#include "bpg/storage/zfs/delegation.hpp"
#include "bpg/storage/zfs/mounting.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage {

namespace {

using enum Check::Verdict;

/// From here on ZFS looks longer and longer for free blocks.
constexpr int full_percent = 80;

/// What any command does as it begins; whoever's home it is may.
constexpr const char* run_anything = "bpg status";

std::string version() {
  if (const auto text = read_file_if_exists("/sys/module/zfs/version")) {
    return fmt::format("the kernel has OpenZFS {}", trim(*text));
  }
  return fs::exists("/dev/zfs") ? "the kernel has ZFS" : "zfs-fuse answers";
}

int percent(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Check not_imported(const Location& location, const std::string& pool) {
  if (!location.image.empty() && !fs::exists(location.image)) {
    return {"zfs pool", missing, fmt::format("the file {} of the pool '{}' is not there", location.image.string(), pool),
            "mount the file system that holds it"};
  }
  return {"zfs pool", missing, fmt::format("the pool '{}' is not imported", pool),
          location.image.empty() ? fmt::format("zpool import {}", pool) : run_anything};
}

Check examine_health(const std::string& pool, const std::string& health, int used_percent) {
  const std::string status = fmt::format("zpool status {}", pool);
  if (health != "ONLINE") {
    return {"zfs pool", health == "DEGRADED" ? warning : missing, fmt::format("the pool '{}' is {}", pool, health), status};
  }
  if (used_percent >= full_percent) {
    return {"zfs pool", warning, fmt::format("the pool '{}' is {} % full: it gets slow", pool, used_percent), "bpg cleanup"};
  }
  return {"zfs pool", ok, fmt::format("'{}' is healthy and {} % full", pool, used_percent)};
}

Check examine_mounts(const std::string& dataset) {
  size_t volumes = 0;
  size_t not_mounted = 0;
  for (const auto& row : zfs::rows(zfs::run_zfs({"list", "-H", "-r", "-t", "filesystem", "-o", "name,mounted", dataset}))) {
    if (VolumeId::parse(row.at(0).substr(row[0].rfind('/') + 1))) {
      ++volumes;
      not_mounted += row.at(1) == "yes" ? 0 : 1;
    }
  }
  if (not_mounted > 0) {
    return {"volumes", warning, fmt::format("{} of {} volumes are not mounted", not_mounted, volumes), run_anything};
  }
  return {"volumes", ok, fmt::format("{} in {}, all mounted", volumes, dataset)};
}

/// For another user than root: zfs-allow(8) does not go as far as mounting.
Check examine_delegation(bool needed) {
  const Account user = current_account();
  const std::string set_up = fmt::format("sudo bpg setup --user {}", user.name);
  try {
    const auto delegation = zfs::find_delegation(user);
    if (!delegation) {
      const std::string found = fmt::format("root has delegated no dataset to '{}'", user.name);
      return needed ? Check{"zfs", missing, found, set_up} : Check{"zfs", ok, fmt::format("{}; '{}' does", found, set_up)};
    }
    zfs::require_mounting();
    return {"zfs", ok, fmt::format("{}; root has delegated {}", version(), delegation->dataset)};
  } catch (const Error& error) {
    return {"zfs", needed ? missing : warning, error.message(), set_up};
  }
}

}  // namespace

Check examine_zfs(bool needed) {
  for (const char* program : {"zfs", "zpool"}) {
    if (!find_program(program)) {
      return needed ? Check{"zfs", missing, fmt::format("'{}' is not installed", program), "apt-get install zfsutils-linux"}
                    : Check{"zfs", ok, "not installed; only --storage zfs needs it"};
    }
  }
  if (::geteuid() != 0) {
    return examine_delegation(needed);
  }
  try {
    zfs::run_zpool({"list", "-H", "-o", "name"});
  } catch (const Error& error) {
    const bool fuse = error.message().find("zfs-fuse") != std::string::npos;
    return {"zfs", needed ? missing : warning, fmt::format("it does not answer: {}", split(error.message(), '\n').front()),
            fuse ? "systemctl start zfs-fuse" : "modprobe zfs"};
  }
  return {"zfs", ok, version()};
}

std::optional<std::string> delegated_dataset() {
  try {
    const auto delegation = zfs::find_delegation(current_account());
    return delegation ? std::optional(delegation->dataset) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<Check> examine_zfs_pool(const Location& location) {
  const std::string pool = zfs::pool_part(location.dataset);
  std::vector<Check> checks;
  try {
    const auto pools = zfs::rows(zfs::run_zpool({"list", "-H", "-o", "name,health,capacity"}));
    const auto found = std::ranges::find_if(pools, [&](const auto& row) { return row.at(0) == pool; });
    if (found == pools.end()) {
      return {not_imported(location, pool)};
    }
    checks.push_back(examine_health(pool, found->at(1), percent(found->at(2))));
    if (!zfs::property(location.dataset, "type")) {
      checks.push_back({"volumes", missing, fmt::format("the dataset {} is gone, and all volumes with it", location.dataset),
                        fmt::format("zpool history {}", pool)});
    } else {
      checks.push_back(examine_mounts(location.dataset));
    }
  } catch (const Error& error) {
    checks.push_back({"zfs pool", missing, error.message(), fmt::format("zpool status {}", pool)});
  }
  return checks;
}

}  // namespace bpg::storage
