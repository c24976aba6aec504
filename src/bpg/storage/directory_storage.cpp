#include "bpg/storage/directory_storage.hpp"

#include <sys/statvfs.h>

#include <cerrno>

#include <fmt/format.h>

#include "bpg/storage/errors.hpp"

namespace bpg::storage {

namespace {

template <class AnyId>
std::vector<AnyId> list_ids(const fs::path& directory) {
  std::vector<AnyId> ids;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (auto id = AnyId::parse(entry->path().filename().string())) {
      ids.push_back(std::move(*id));
    }
  }
  if (error) {
    throw Error(ErrorCode::storage, fmt::format("cannot list {}: {}", directory.string(), error.message()));
  }
  return ids;
}

}  // namespace

fs::path volumes_directory(const fs::path& root) { return root / "volumes"; }
fs::path snapshots_directory(const fs::path& root) { return root / "snapshots"; }

void make_layout(const fs::path& root) {
  make_directory(volumes_directory(root), 0711);
  make_directory(snapshots_directory(root), 0700);
  fsync_path(root);
}

Space space_of(const fs::path& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) {
    throw Error(ErrorCode::storage, system_error(errno, fmt::format("cannot look at {}", path.string())).message());
  }
  return {.total_bytes = uint64_t{status.f_blocks} * status.f_frsize,
          .free_bytes = uint64_t{status.f_bavail} * status.f_frsize};
}

DirectoryStorage::DirectoryStorage(Location location, Traits traits)
    : m_location(std::move(location)), m_traits(traits) {
  if (!fs::exists(volumes_directory(m_location.root)) || !fs::exists(snapshots_directory(m_location.root))) {
    throw Error(ErrorCode::storage, fmt::format("there is no storage in {}", m_location.root.string()),
                "Mount the file system that holds it, or run 'bpg init'.");
  }
}

fs::path DirectoryStorage::volume_path(const VolumeId& volume) const {
  return volumes_directory(m_location.root) / volume.str();
}

fs::path DirectoryStorage::snapshot_path(const SnapshotId& snapshot) const {
  return snapshots_directory(m_location.root) / snapshot.str();
}

std::vector<VolumeId> DirectoryStorage::list_volumes() const {
  return list_ids<VolumeId>(volumes_directory(m_location.root));
}

std::vector<SnapshotId> DirectoryStorage::list_snapshots() const {
  return list_ids<SnapshotId>(snapshots_directory(m_location.root));
}

Space DirectoryStorage::space() const { return space_of(m_location.root); }

std::map<VolumeId, Usage> DirectoryStorage::usage(std::span<const VolumeId> volumes) const {
  return in_storage("measuring volumes", [&] {
    std::vector<VolumeId> present;
    std::vector<fs::path> paths;
    for (const VolumeId& volume : volumes) {
      if (fs::exists(volume_path(volume))) {
        present.push_back(volume);
        paths.push_back(volume_path(volume));
      }
    }
    const std::vector<Usage> measured = measure_trees(paths, measure_file());
    std::map<VolumeId, Usage> result;
    for (size_t i = 0; i < present.size(); ++i) {
      result.emplace(present[i], measured[i]);
    }
    return result;
  });
}

void DirectoryStorage::require_absent(const VolumeId& volume) const {
  if (fs::exists(volume_path(volume))) {
    throw Error(ErrorCode::already_exists, fmt::format("volume {} exists already", volume.str()));
  }
}

void DirectoryStorage::require_absent(const SnapshotId& snapshot) const {
  if (fs::exists(snapshot_path(snapshot))) {
    throw Error(ErrorCode::already_exists, fmt::format("snapshot {} exists already", snapshot.str()));
  }
}

void DirectoryStorage::require(const VolumeId& volume) const {
  if (!fs::exists(volume_path(volume))) {
    throw Error(ErrorCode::storage, fmt::format("volume {} is missing: there is no {}", volume.str(),
                                                volume_path(volume).string()));
  }
}

void DirectoryStorage::require(const SnapshotId& snapshot) const {
  if (!fs::exists(snapshot_path(snapshot))) {
    throw Error(ErrorCode::storage, fmt::format("snapshot {} is missing: there is no {}", snapshot.str(),
                                                snapshot_path(snapshot).string()));
  }
}

}  // namespace bpg::storage
