#include "bpg/storage/zfs/zfs_set_up.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/storage/directory_storage.hpp"
#include "bpg/storage/pool/pool_size.hpp"
#include "bpg/storage/zfs/datasets.hpp"
#include "bpg/storage/zfs/delegated_set_up.hpp"
#include "bpg/storage/zfs/own_datasets.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/storage/zfs/zfs_options.hpp"
#include "bpg/storage/zfs/zfs_pool_file.hpp"
#include "bpg/util/process.hpp"

namespace bpg::storage {

namespace {

constexpr std::string_view default_home = "/var/lib/betterpg";

constexpr const char* default_pool = "betterpg";

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

void create_group(const std::string& group) {
  const auto exists = [&group] { return zfs::property(group, "type").has_value(); };
  if (exists()) {
    return;
  }
  try {
    zfs::run_zfs(zfs::group_creation(group));
  } catch (const Error&) {
    if (!exists()) {  // else the `init` of another home was faster
      throw;
    }
  }
}

/// zfs(8)'s own words, without the command and what it was about.
std::string_view words_of(const Error& error) {
  const std::string_view message = error.message();
  const size_t end_of_subject = message.rfind("': ");
  return end_of_subject == std::string_view::npos ? message : message.substr(end_of_subject + 3);
}

/// What the user chose goes with the creation: some properties can be set only then.
void create_dataset(const std::string& dataset, const fs::path& root, const fs::path& home, const zfs::Options& chosen) {
  // The dataset itself is not mounted: its mount point is inherited by the volumes.
  std::vector<std::string> arguments{"create", "-o", "canmount=off", "-o",
                                     fmt::format("mountpoint={}", volumes_directory(root).string()), "-o",
                                     fmt::format("{}={}", zfs::home_property, home.string())};
  for (const auto& [name, value] : chosen) {
    arguments.emplace_back("-o");
    arguments.push_back(fmt::format("{}={}", name, value));
  }
  arguments.push_back(dataset);
  try {
    zfs::run_zfs(arguments);
  } catch (const Error& error) {
    if (chosen.empty() || error.code() != ErrorCode::storage) {
      throw;
    }
    throw Error(ErrorCode::usage, fmt::format("zfs does not take that option: {}", words_of(error)),
                "'zfs get all' lists the properties, 'man zfsprops' says what they take.");
  }
}

/// An `init` that was interrupted may have made the dataset.
void prepare_dataset(const std::string& dataset, const fs::path& root, const fs::path& home, const SetupRequest& request,
                     std::vector<std::string>& notes) {
  const zfs::Options chosen = zfs::parse_options(request.zfs_options);
  const auto owner = zfs::property(dataset, zfs::home_property);
  if (owner && *owner != home.string()) {
    throw Error(ErrorCode::refused, fmt::format("the dataset {} belongs to {}", dataset, *owner),
                "Name another pool or dataset with --pool.");
  }
  make_directory(volumes_directory(root), 0711);
  if (!owner) {
    create_dataset(dataset, root, home, chosen);
  } else if (!chosen.empty()) {
    throw Error(ErrorCode::refused, fmt::format("an earlier 'bpg init' made the dataset {}", dataset),
                fmt::format("Leave out --zfs-option, then set it: 'zfs set NAME=VALUE {}'.", dataset));
  }
  if (const auto unknown = zfs::apply_default_options(dataset, chosen); !unknown.empty()) {
    notes.push_back(fmt::format("this zfs does not know what betterpg would set of {}", fmt::join(unknown, ", ")));
  }
}

std::string group_of(const Location& location) { return location.dataset.substr(0, location.dataset.rfind('/')); }

void refuse_foreign(const zfs::PoolFile& pool, const Location& location) {
  if (const auto foreign = pool.datasets_besides(group_of(location), location.dataset); !foreign.empty()) {
    throw Error(ErrorCode::refused, fmt::format("the pool '{}' also holds {}", pool.pool(), fmt::join(foreign, ", ")),
                "Destroy it with 'zfs destroy' if nobody needs it.");
  }
}

/// The pool that is to be made; one that an interrupted `init` made of the same file is taken.
zfs::PoolFile make_pool(const SetupRequest& request, std::vector<std::string>& notes) {
  const zfs::PoolFile pool(request.pool.empty() ? default_pool : request.pool,
                           fs::absolute(request.pool_file).lexically_normal());
  if (pool.pool().find('/') != std::string::npos) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not the name of a pool but of a dataset in one", pool.pool()),
                "With --pool-file, --pool names the pool that is made.");
  }
  const fs::path directory = pool.file().parent_path();
  if (!fs::is_directory(directory)) {
    throw Error(ErrorCode::not_found, fmt::format("there is no directory {}", directory.string()), "Make it first.");
  }
  if (pool.imported()) {
    const std::string group = zfs::group_name(pool.pool());
    if (!pool.datasets_besides(group, dataset_name(group, request.home)).empty()) {
      throw Error(ErrorCode::already_exists, fmt::format("the pool in {} is in use by another home", pool.file().string()),
                  fmt::format("To use it here, too, leave out --pool-file: 'bpg init --pool {}'.", pool.pool()));
    }
  } else {
    pool.create({.bytes = affordable_size(request, directory, notes), .preallocate = request.preallocate});
  }
  notes.push_back(about_pool_file(request, pool.file()));
  return pool;
}

/// Of an attempt that failed. What it made is empty; what is not stays, and the error that is under way is the one to tell.
void take_back(const Location& location) {
  try {
    tear_down_zfs(location);
  } catch (const Error&) {
    return;
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
  zfs::require_programs();
  const fs::path home = fs::absolute(request.home).lexically_normal();
  if (::geteuid() != 0) {
    return set_up_delegated(request, home);
  }
  const fs::path root = (request.path.empty() ? home : fs::absolute(request.path).lexically_normal()) / "zfs";
  SetupResult result{.location = {.driver = "zfs", .root = root}, .reason = "it was asked for", .notes = {}};
  std::string parent = request.pool;
  if (!request.pool_file.empty()) {
    const zfs::PoolFile pool = make_pool(request, result.notes);
    parent = pool.pool();
    result.location.image = pool.file();
  } else if (parent.empty()) {
    parent = usable_zfs_pool().value_or("");
    result.reason = fmt::format("there is the zfs pool {}", parent);
  }
  if (parent.empty()) {
    throw Error(ErrorCode::storage, "there is no healthy zfs pool",
                "Make one with 'zpool create', or in a file with --pool-file, or choose another --storage.");
  }
  zfs::require_parent(parent);
  const std::string group = zfs::group_name(parent);
  result.location.dataset = dataset_name(group, home);
  try {
    create_group(group);
    prepare_dataset(result.location.dataset, root, home, request, result.notes);
  } catch (...) {
    if (!result.location.image.empty()) {
      take_back(result.location);
    }
    throw;
  }
  return result;
}

void tear_down_zfs(const Location& location) {
  if (::geteuid() != 0) {
    tear_down_delegated(location);
    return;
  }
  const std::string group = group_of(location);
  std::optional<zfs::PoolFile> pool;
  if (!location.image.empty()) {
    pool.emplace(zfs::pool_part(location.dataset), location.image);
    if (pool->imported()) {
      refuse_foreign(*pool, location);
    }
  }
  if (const auto owner = zfs::property(location.dataset, zfs::home_property)) {
    if (*owner == "-") {
      throw Error(ErrorCode::refused, fmt::format("betterpg did not make the dataset {}", location.dataset));
    }
    zfs::refuse_volumes_in(location.dataset);
    zfs::run_zfs_when_idle({"destroy", location.dataset});
  }
  ::rmdir(volumes_directory(location.root).c_str());
  ::unlink((location.root / ".lock").c_str());
  ::rmdir(location.root.c_str());
  if (zfs::property(group, zfs::group_property) == "yes") {
    try {
      zfs::run_zfs({"destroy", group});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::has_children) {
        throw;
      }
    }
  }
  if (pool) {
    pool->remove();
  }
}

}  // namespace bpg::storage
