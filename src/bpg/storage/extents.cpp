#include "bpg/storage/extents.hpp"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "bpg/storage/directory.hpp"
#include "bpg/util/error.hpp"

namespace bpg::storage {

namespace {

constexpr uint32_t extents_per_call = 256;

struct alignas(fiemap) FiemapBuffer {
  std::array<char, sizeof(fiemap) + extents_per_call * sizeof(fiemap_extent)> bytes{};
};

constexpr uint32_t in_metadata = FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL;
constexpr uint32_t not_on_disk = FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN;

}  // namespace

Extents extents_of(int fd, const std::filesystem::path& path) {
  Extents result;
  FiemapBuffer buffer;
  auto* const map = reinterpret_cast<fiemap*>(buffer.bytes.data());
  uint64_t start = 0;
  for (bool last = false; !last;) {
    std::memset(map, 0, sizeof *map);
    map->fm_start = start;
    map->fm_length = FIEMAP_MAX_OFFSET - start;
    map->fm_extent_count = extents_per_call;
    if (::ioctl(fd, FS_IOC_FIEMAP, map) != 0) {
      throw system_error(errno, fmt::format("cannot read the extents of {}", path.string()));
    }
    last = map->fm_mapped_extents == 0;
    for (uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
      const fiemap_extent& extent = map->fm_extents[i];
      start = extent.fe_logical + extent.fe_length;
      last = last || (extent.fe_flags & FIEMAP_EXTENT_LAST) != 0;
      if ((extent.fe_flags & in_metadata) != 0) {
        continue;  // lies in a tree block, of whose sharing FIEMAP says nothing
      }
      ((extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0 ? result.shared_bytes : result.unique_bytes) += extent.fe_length;
      if ((extent.fe_flags & not_on_disk) == 0) {
        result.written_bytes += extent.fe_length;
      }
    }
  }
  return result;
}

Usage extent_usage(const FileEntry& file) {
  if (file.status.st_size == 0 && file.status.st_blocks == 0) {
    return {};
  }
  const UniqueFd fd = open_entry(file.directory, file.name, O_RDONLY, file.name);
  if (!fd) {
    return {};
  }
  const Extents extents = extents_of(fd.get(), file.name);
  return {.unique_bytes = extents.unique_bytes, .shared_bytes = extents.shared_bytes};
}

}  // namespace bpg::storage
