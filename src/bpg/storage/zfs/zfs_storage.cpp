#include "bpg/storage/zfs/zfs_storage.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/storage/directory_storage.hpp"
#include "bpg/storage/errors.hpp"
#include "bpg/storage/zfs/datasets.hpp"
#include "bpg/storage/zfs/mounting.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/storage/zfs/zfs_destroy.hpp"
#include "bpg/storage/zfs/zfs_pool_file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage {

namespace {

constexpr std::chrono::seconds lock_wait{60};

/// What mountinfo (proc(5)) calls the mount points below `directory`, which has no characters that it escapes
/// unless the user's own path has; then a volume counts as not mounted, and mounting it says otherwise.
std::set<std::string> mount_points_in(const fs::path& directory) {
  std::set<std::string> names;
  const std::string mountinfo = read_file("/proc/self/mountinfo");
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() > 4 && fs::path(fields[4]).parent_path() == directory) {
      names.insert(fs::path(fields[4]).filename().string());
    }
  }
  return names;
}

/// A property each of one dataset, or of all below `parent`: name, property, value. None where the one does not exist. One is
/// asked alone, since to ask all takes the longer the more there are.
std::vector<std::vector<std::string>> properties_of(const std::string& parent, const std::optional<std::string>& one, const std::string& names) {
  try {
    return zfs::rows(zfs::run_zfs({"get", "-H", "-p", "-d", one ? "0" : "1", "-o", "name,property,value", names, one.value_or(parent)}));
  } catch (const Error& error) {
    if (one && error.code() == ErrorCode::not_found) {
      return {};
    }
    throw;
  }
}

/// User properties (zfsprops(7)) have a colon in their names.
std::string label_property(const std::string& key) { return "betterpg:" + key; }

void append_labels(std::vector<std::string>& arguments, const Labels& labels) {
  if (!zfs::may_label()) {
    return;
  }
  for (const auto& [key, value] : labels) {
    arguments.emplace_back("-o");
    arguments.push_back(fmt::format("{}={}", label_property(key), value));
  }
}

}  // namespace

ZfsStorage::ZfsStorage(Location location)
    : m_location(std::move(location)),
      m_traits{.atomic_snapshot = true, .shares_space = true, .dependent_clones = true, .cheap_usage = true} {
  if (!fs::exists(volumes_directory(m_location.root))) {
    throw Error(ErrorCode::storage, fmt::format("there is no storage in {}", m_location.root.string()),
                "Run 'bpg init'.");
  }
  import_pool();
  mount_volumes();
}

std::string ZfsStorage::dataset(const VolumeId& volume) const { return m_location.dataset + "/" + volume.str(); }

fs::path ZfsStorage::volume_path(const VolumeId& volume) const {
  return volumes_directory(m_location.root) / volume.str();
}

/// Asks nobody where a volume is mounted.
void ZfsStorage::import_pool() const {
  if (m_location.image.empty() || !mount_points_in(volumes_directory(m_location.root)).empty()) {
    return;
  }
  const zfs::PoolFile pool(zfs::pool_part(m_location.dataset), m_location.image);
  if (pool.imported()) {
    return;
  }
  const FileLock lock = lock_lineage();
  if (!pool.imported()) {
    pool.import();
  }
}

void ZfsStorage::mount_volumes() const {
  const fs::path directory = volumes_directory(m_location.root);
  const std::set<std::string> mounted = mount_points_in(directory);
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const auto volume = VolumeId::parse(entry.path().filename().string());
    if (!volume || mounted.contains(volume->str())) {
      continue;
    }
    try {
      // What is held elsewhere must not cost much.
      zfs::mount(dataset(*volume), std::chrono::milliseconds(500));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::not_found) {
        ::rmdir(entry.path().c_str());  // the mount point of a dataset that is gone
      }
      // One that cannot be mounted, because it is held in another mount namespace (mount_namespaces(7)) or half
      // destroyed, must not keep the others from being used: who needs it finds it missing.
    }
  }
}

/// What is destroyed is planned by a listing, which a promote by another process would make wrong.
FileLock ZfsStorage::lock_lineage() const {
  if (auto lock = FileLock::acquire(m_location.root / ".lock", FileLock::Mode::exclusive, lock_wait)) {
    return std::move(*lock);
  }
  throw Error(ErrorCode::busy, fmt::format("another process destroys volumes of {}", m_location.dataset));
}

void ZfsStorage::create_volume(const VolumeId& volume, const Owner& owner, const Labels& labels) {
  in_storage(fmt::format("creating volume {}", volume.str()), [&] {
    std::vector<std::string> arguments{"create"};
    append_labels(arguments, labels);
    arguments.push_back(dataset(volume));
    zfs::make_mounted(arguments);
    make_directory(volume_path(volume), 0700, owner);
    fsync_path(volume_path(volume));
  });
}

void ZfsStorage::create_snapshot(const VolumeId& volume, const SnapshotId& snapshot, const CopyRules&) {
  in_storage(fmt::format("taking snapshot {} of volume {}", snapshot.str(), volume.str()),
             [&] { zfs::run_zfs({"snapshot", dataset(volume) + "@" + snapshot.str()}); });
}

fs::path ZfsStorage::snapshot_path(const SnapshotId& snapshot) const {
  throw Error(ErrorCode::failure, fmt::format("snapshot {} cannot be changed", snapshot.str()));
}

void ZfsStorage::clone_snapshot(const VolumeId& origin, const SnapshotId& snapshot, const VolumeId& clone, const Labels& labels) {
  in_storage(fmt::format("cloning snapshot {} as volume {}", snapshot.str(), clone.str()), [&] {
    const auto clone_from = [&](const std::string& name) {
      std::vector<std::string> arguments{"clone"};
      if (zfs::may_label()) {
        arguments.insert(arguments.end(), {"-o", fmt::format("{}={}", zfs::made_from_property, snapshot.str())});
      }
      append_labels(arguments, labels);
      arguments.push_back(name);
      arguments.push_back(dataset(clone));
      zfs::make_mounted(arguments);
    };
    try {
      clone_from(dataset(origin) + "@" + snapshot.str());
      return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) {
        throw;
      }
    }
    // A promote has moved it to another dataset.
    const FileLock lock = lock_lineage();
    const auto name = zfs::Datasets::list(m_location.dataset).find_snapshot(snapshot);
    if (!name) {
      throw Error(ErrorCode::storage, fmt::format("snapshot {} is missing", snapshot.str()));
    }
    clone_from(*name);
  });
}

void ZfsStorage::relabel(const std::map<VolumeId, Labels>& labels) {
  in_storage("labelling volumes", [&] {
    std::set<std::string> names;
    for (const auto& [volume, wanted] : labels) {
      for (const auto& [key, value] : wanted) {
        names.insert(label_property(key));
      }
    }
    if (names.empty() || !zfs::may_label()) {
      return;
    }
    std::map<std::string, std::map<std::string, std::string>> present;
    const auto one = labels.size() == 1 ? std::optional(dataset(labels.begin()->first)) : std::nullopt;
    for (const auto& row : properties_of(m_location.dataset, one, fmt::format("{}", fmt::join(names, ",")))) {
      present[row.at(0)][row.at(1)] = row.at(2);
    }
    for (const auto& [volume, wanted] : labels) {
      const auto found = present.find(dataset(volume));
      if (found == present.end()) {
        continue;
      }
      for (const auto& [key, value] : wanted) {
        // One at a time: zfs-fuse takes no more.
        if (const std::string name = label_property(key); found->second[name] != value) {
          zfs::run_zfs({"set", fmt::format("{}={}", name, value), dataset(volume)});
        }
      }
    }
  });
}

void ZfsStorage::copy_volume(const VolumeId&, const VolumeId& clone, const CopyRules&) {
  throw Error(ErrorCode::failure, fmt::format("zfs cannot make volume {} without a snapshot", clone.str()));
}

void ZfsStorage::destroy_snapshot(const VolumeId& volume, const SnapshotId& snapshot) {
  in_storage(fmt::format("destroying snapshot {}", snapshot.str()), [&] {
    const FileLock lock = lock_lineage();
    try {
      zfs::run_zfs_when_idle({"destroy", dataset(volume) + "@" + snapshot.str()});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found && error.code() != ErrorCode::has_children) {
        throw;
      }
      zfs::destroy_snapshot(m_location.dataset, snapshot);
    }
  });
}

void ZfsStorage::destroy_volume(const VolumeId& volume, std::span<const SnapshotId> snapshots) {
  in_storage(fmt::format("destroying volume {}", volume.str()), [&] {
    const FileLock lock = lock_lineage();
    zfs::destroy_volume(m_location.dataset, volume, snapshots);
    ::rmdir(volume_path(volume).c_str());  // a mount point that ZFS left; never one with content
  });
}

std::vector<VolumeId> ZfsStorage::list_volumes() const {
  return in_storage("listing volumes", [&] { return zfs::Datasets::list(m_location.dataset).volumes(); });
}

std::vector<SnapshotId> ZfsStorage::list_snapshots() const {
  return in_storage("listing snapshots", [&] { return zfs::Datasets::list(m_location.dataset).snapshots(); });
}

Space ZfsStorage::space() const {
  return in_storage("measuring the storage", [&] {
    Space space;
    for (const auto& row : zfs::rows(
             zfs::run_zfs({"get", "-H", "-p", "-o", "property,value", "used,available", m_location.dataset}))) {
      const uint64_t bytes = std::stoull(row.at(1));
      space.total_bytes += bytes;
      if (row.at(0) == "available") {
        space.free_bytes = bytes;
      }
    }
    return space;
  });
}

std::map<VolumeId, Usage> ZfsStorage::usage(std::span<const VolumeId> volumes) const {
  return in_storage("measuring volumes", [&] {
    std::map<std::string, std::map<std::string, uint64_t>> values;
    const auto one = volumes.size() == 1 ? std::optional(dataset(volumes[0])) : std::nullopt;
    for (const auto& row : properties_of(m_location.dataset, one, "usedbydataset,referenced")) {
      if (row.at(0).find('@') == std::string::npos && row.at(2) != "-") {
        values[row[0]][row[1]] = std::stoull(row[2]);
      }
    }
    std::map<VolumeId, Usage> result;
    for (const VolumeId& volume : volumes) {
      if (const auto found = values.find(dataset(volume)); found != values.end()) {
        const uint64_t unique = found->second["usedbydataset"];
        const uint64_t referenced = found->second["referenced"];
        const uint64_t shared = referenced - std::min(referenced, unique);
        result.emplace(volume, Usage{.unique_bytes = unique, .shared_bytes = shared});
      }
    }
    return result;
  });
}

}  // namespace bpg::storage
