#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "bpg/storage/pool/pool_size.hpp"

namespace bpg::storage::zfs {

/// A ZFS pool with a file behind it that betterpg made. Everything here needs root.
///
/// The pool stands in no cache file (zpoolprops(7)): nobody imports it at boot, before the file system of the file may be
/// there; the first command does.
class PoolFile {
 public:
  PoolFile(std::string pool, std::filesystem::path file) : m_pool(std::move(pool)), m_file(std::move(file)) {}

  const std::string& pool() const { return m_pool; }
  const std::filesystem::path& file() const { return m_file; }

  /// Is this very pool imported? False where there is none of that name, or another.
  bool imported() const;

  /// Makes file and pool. `already_exists` where there is such a file, or a pool of that name.
  void create(const PoolSize& size) const;

  /// Imports it; the datasets are then mounted. `already_exists` where another pool has the name.
  void import() const;

  /// What it holds besides `group`, `dataset` and what is below that: datasets and snapshots.
  std::vector<std::string> datasets_besides(const std::string& group, const std::string& dataset) const;

  /// Destroys the pool with all that is in it, and removes the file.
  void remove() const;

 private:
  std::string m_pool;
  std::filesystem::path m_file;
};

}  // namespace bpg::storage::zfs
