#pragma once

#include "bpg/storage/storage.hpp"
#include "bpg/storage/tree_usage.hpp"

namespace bpg::storage {

/// What the drivers share whose volumes and snapshots are directories below one root:
/// <root>/volumes/<volume>/ and <root>/snapshots/<snapshot>/.
class DirectoryStorage : public Storage {
 public:
  /// Throws where the root is not there.
  DirectoryStorage(Location location, Traits traits);

  const Location& location() const override { return m_location; }
  const Traits& traits() const override { return m_traits; }
  fs::path volume_path(const VolumeId& volume) const override;
  fs::path snapshot_path(const SnapshotId& snapshot) const override;
  std::vector<VolumeId> list_volumes() const override;
  std::vector<SnapshotId> list_snapshots() const override;
  Space space() const override;
  std::map<VolumeId, Usage> usage(std::span<const VolumeId> volumes) const override;

 protected:
  virtual MeasureFile measure_file() const = 0;

  void require_absent(const VolumeId& volume) const;
  void require_absent(const SnapshotId& snapshot) const;
  void require(const VolumeId& volume) const;
  void require(const SnapshotId& snapshot) const;

 private:
  Location m_location;
  Traits m_traits;
};

/// The directory of all volumes, or of all snapshots, below a root.
fs::path volumes_directory(const fs::path& root);
fs::path snapshots_directory(const fs::path& root);

/// Makes both, so that the account of a server can pass through to its volume.
void make_layout(const fs::path& root);

/// The sizes of the file system that holds `path`.
Space space_of(const fs::path& path);

}  // namespace bpg::storage
