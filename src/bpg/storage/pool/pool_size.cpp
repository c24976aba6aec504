#include "bpg/storage/pool/pool_size.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "bpg/storage/directory_storage.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage {

void allocate(int fd, const PoolSize& size, const fs::path& path) {
  const off_t bytes = static_cast<off_t>(size.bytes);
  if (::ftruncate(fd, bytes) != 0) {
    throw system_error(errno, fmt::format("cannot set the size of {}", path.string()));
  }
  if (const int error = size.preallocate ? ::posix_fallocate(fd, 0, bytes) : 0; error != 0) {
    throw system_error(error, fmt::format("cannot preallocate {}", path.string()));
  }
}

uint64_t affordable_size(const SetupRequest& request, const fs::path& directory, std::vector<std::string>& notes) {
  const uint64_t wanted = request.image_bytes;
  const uint64_t free = space_of(directory).free_bytes;
  if (wanted <= free) {
    return wanted;
  }
  const uint64_t less = free / 5 * 4 >> 20 << 20;
  if (request.size_given || less < min_pool_bytes) {
    throw Error(ErrorCode::no_space,
                fmt::format("a pool of {} does not fit: {} has {} free", format_bytes(wanted), directory.string(),
                            format_bytes(free)),
                "Give a smaller --size, or another directory.");
  }
  notes.push_back(fmt::format("the pool has {} instead of {}, because only {} are free", format_bytes(less),
                              format_bytes(wanted), format_bytes(free)));
  return less;
}

std::string about_pool_file(const SetupRequest& request, const fs::path& file) {
  return fmt::format("the pool is the file {}, of at most {}{}", file.string(), format_bytes(fs::file_size(file)),
                     request.preallocate ? "" : ", which grows as it is filled");
}

}  // namespace bpg::storage
