#pragma once

#include "bpg/storage/storage.hpp"

namespace bpg::storage {

/// Of a file that holds a pool.
struct PoolSize {
  uint64_t bytes = 0;
  bool preallocate = false;  ///< else it is sparse, and grows as it is filled
};

/// Gives the new file its size. `path` is for errors.
void allocate(int fd, const PoolSize& size, const std::filesystem::path& path);

/// Smaller pools are refused: a database would fill them at once.
inline constexpr uint64_t min_pool_bytes = uint64_t{256} << 20;

/// How large a file-backed pool in `directory` becomes: as large as asked for; where nobody asked, not larger than what is free,
/// which `notes` then say. A sparse file of more than that would fail in the middle of PostgreSQL's writes: `no_space`.
uint64_t affordable_size(const SetupRequest& request, const std::filesystem::path& directory, std::vector<std::string>& notes);

/// What a user should know of the file.
std::string about_pool_file(const SetupRequest& request, const std::filesystem::path& file);

}  // namespace bpg::storage
