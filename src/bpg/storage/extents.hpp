#pragma once

#include <filesystem>

#include "bpg/storage/tree_usage.hpp"

namespace bpg::storage {

/// What the extents of an open file say about sharing (FIEMAP, Documentation/filesystems/fiemap.rst).
struct Extents {
  uint64_t unique_bytes = 0;
  uint64_t shared_bytes = 0;
  uint64_t written_bytes = 0;  ///< of both, what is on disk and not merely reserved
};

/// Throws where the file system cannot tell.
Extents extents_of(int fd, const std::filesystem::path& path);

/// The bytes of a file by its extents.
Usage extent_usage(const FileEntry& file);

}  // namespace bpg::storage
