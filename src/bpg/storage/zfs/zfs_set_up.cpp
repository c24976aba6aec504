#include "bpg/storage/zfs/zfs_set_up.hpp"

#include <unistd.h>

#include <array>

#include <fmt/format.h>

#include "bpg/storage/directory_storage.hpp"
#include "bpg/storage/zfs/datasets.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage {

namespace {

/// User properties (zfsprops(8)) that tell betterpg's datasets, and whose they are.
constexpr std::string_view home_property = "betterpg:home";
constexpr std::string_view group_property = "betterpg:group";

constexpr std::string_view default_home = "/var/lib/betterpg";

/// PostgreSQL writes pages of 8 kB. Records of 16 kB halve the metadata and leave compression something to do on disks
/// with sectors of 4 kB, and the record that is read for a page is still small.
constexpr std::string_view record_size = "16K";

/// FNV-1a: the same home has the same dataset in every version.
uint32_t hash(std::string_view text) {
  uint32_t value = 2166136261U;
  for (const char character : text) {
    value = (value ^ static_cast<unsigned char>(character)) * 16777619U;
  }
  return value;
}

/// Each home has its own, so that two of them never list or destroy each other's.
std::string dataset_name(const std::string& group, const fs::path& home) {
  const std::string suffix = home == default_home ? "" : fmt::format("-{:08x}", hash(home.string()));
  return group + "/databases" + suffix;
}

void require_programs() {
  for (const char* program : {"zfs", "zpool"}) {
    if (!find_program(program)) {
      throw Error(ErrorCode::storage, fmt::format("'{}' is not installed", program),
                  "Install zfsutils-linux, or choose another --storage.");
    }
  }
  if (::geteuid() != 0) {
    throw Error(ErrorCode::permission, "only root can mount zfs datasets",
                "Run it as root, or choose another --storage.");
  }
}

void require_parent(const std::string& parent) {
  if (const auto type = zfs::property(parent, "type")) {
    if (*type != "filesystem") {
      throw Error(ErrorCode::storage, fmt::format("{} is a {}, not a file system", parent, *type));
    }
    return;
  }
  std::vector<std::string> names;
  for (auto& row : zfs::rows(zfs::run_zfs({"list", "-H", "-t", "filesystem", "-o", "name"}))) {
    names.push_back(std::move(row.at(0)));
  }
  throw Error(ErrorCode::not_found, fmt::format("there is no zfs pool or dataset '{}'", parent),
              did_you_mean(parent, names, "'zfs list' shows what there is."));
}

void create_group(const std::string& group) {
  if (!zfs::property(group, "type")) {
    zfs::run_zfs({"create", "-o", "canmount=off", "-o", "mountpoint=none", "-o", fmt::format("{}=yes", group_property),
                  group});
  }
}

/// Tries the better properties first: old ZFS knows neither lz4 nor xattr=sa.
void create_dataset(const std::string& dataset, const fs::path& root, const fs::path& home) {
  const std::array<std::vector<std::string>, 3> choices{{{"compression=lz4", "xattr=sa"}, {"compression=lz4"},
                                                         {"compression=on"}}};
  for (const auto& choice : choices) {
    // The dataset itself is not mounted: its mount point is inherited by the volumes.
    std::vector<std::string> arguments{"create", "-o", "canmount=off", "-o", "atime=off"};
    std::vector<std::string> properties = choice;
    properties.push_back(fmt::format("recordsize={}", record_size));
    properties.push_back(fmt::format("mountpoint={}", volumes_directory(root).string()));
    properties.push_back(fmt::format("{}={}", home_property, home.string()));
    for (std::string& property : properties) {
      arguments.emplace_back("-o");
      arguments.push_back(std::move(property));
    }
    arguments.push_back(dataset);
    try {
      zfs::run_zfs(arguments);
      return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::storage || &choice == &choices.back()) {
        throw;
      }
    }
  }
}

}  // namespace

std::optional<std::string> usable_zfs_pool() {
  if (!find_program("zpool") || !find_program("zfs")) {
    return std::nullopt;
  }
  std::optional<std::string> best;
  uint64_t most = 0;
  try {
    for (const auto& row : zfs::rows(zfs::run_zpool({"list", "-H", "-o", "name,health"}))) {
      if (row.size() < 2 || (row[1] != "ONLINE" && row[1] != "DEGRADED")) {
        continue;
      }
      const uint64_t available = std::stoull(zfs::property(row[0], "available").value_or("0"));
      if (available > most) {
        most = available;
        best = row[0];
      }
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) {
      throw;
    }
    return std::nullopt;  // the programs without the module
  }
  return best;
}

SetupResult set_up_zfs(const SetupRequest& request) {
  require_programs();
  const std::string parent = request.pool.empty() ? usable_zfs_pool().value_or("") : request.pool;
  if (parent.empty()) {
    throw Error(ErrorCode::storage, "there is no healthy zfs pool",
                "Make one with 'zpool create', or choose another --storage.");
  }
  require_parent(parent);
  const fs::path home = fs::absolute(request.home).lexically_normal();
  const fs::path root = (request.path.empty() ? home : fs::absolute(request.path).lexically_normal()) / "zfs";
  const std::string group = parent + "/betterpg";
  const std::string dataset = dataset_name(group, home);
  create_group(group);
  const auto owner = zfs::property(dataset, std::string(home_property));
  if (owner && *owner != home.string()) {
    throw Error(ErrorCode::refused, fmt::format("the dataset {} belongs to {}", dataset, *owner),
                "Name another pool or dataset with --pool.");
  }
  make_directory(volumes_directory(root), 0711);
  if (!owner) {
    create_dataset(dataset, root, home);
  }
  return {.location = {.driver = "zfs", .root = root, .dataset = dataset},
          .reason = request.pool.empty() ? fmt::format("there is the zfs pool {}", parent) : "it was asked for",
          .notes = {}};
}

void tear_down_zfs(const Location& location) {
  if (const auto owner = zfs::property(location.dataset, std::string(home_property))) {
    if (*owner == "-") {
      throw Error(ErrorCode::refused, fmt::format("betterpg did not make the dataset {}", location.dataset));
    }
    const zfs::Datasets datasets = zfs::Datasets::list(location.dataset);
    if (!datasets.volumes().empty() || !datasets.snapshots().empty()) {
      throw Error(ErrorCode::refused,
                  fmt::format("{} holds {} volumes and {} snapshots", location.dataset, datasets.volumes().size(),
                              datasets.snapshots().size()),
                  "Delete the databases first: 'bpg db delete NAME --force --now'.");
    }
    zfs::run_zfs_when_idle({"destroy", location.dataset});
  }
  ::rmdir(volumes_directory(location.root).c_str());
  ::unlink((location.root / ".lock").c_str());
  ::rmdir(location.root.c_str());
  const std::string group = location.dataset.substr(0, location.dataset.rfind('/'));
  if (zfs::property(group, std::string(group_property)) == "yes") {
    try {
      zfs::run_zfs({"destroy", group});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::has_children) {
        throw;
      }
    }
  }
}

}  // namespace bpg::storage
