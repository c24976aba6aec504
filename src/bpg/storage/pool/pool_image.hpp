#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bpg/storage/pool/pool_size.hpp"

namespace bpg::storage {

/// A Btrfs in a file, mounted through a loop device: <directory>/pool.img at <directory>/pool. Needs root.
class PoolImage {
 public:
  static PoolImage in(const std::filesystem::path& directory);
  /// The pool of a location.
  PoolImage(std::filesystem::path image, std::filesystem::path mount_point);

  const std::filesystem::path& image() const { return m_image; }
  const std::filesystem::path& mount_point() const { return m_mount_point; }

  bool exists() const;
  bool mounted() const;

  /// Makes the image where there is none. A call that was killed leaves nothing that would be taken for one.
  void create(const PoolSize& size) const;

  /// Attaches and mounts it, once, whoever else tries the same. Says in `notes` what is worse than it should be.
  void mount(std::vector<std::string>* notes = nullptr) const;

  /// Unmounts it if it is mounted, and removes image and mount point.
  void remove() const;

 private:
  std::filesystem::path lock_path() const;

  std::filesystem::path m_image;
  std::filesystem::path m_mount_point;
};

}  // namespace bpg::storage
