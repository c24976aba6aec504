#include "bpg/storage/copy/copy_data.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::storage {

namespace {

constexpr size_t chunk_bytes = size_t{1} << 20;

[[noreturn]] void fail(std::string_view doing, const FilePair& files) {
  throw system_error(errno, fmt::format("cannot {} {}", doing, files.path.string()));
}

off_t size_of(int file, const FilePair& files) {
  struct stat status {};
  if (::fstat(file, &status) != 0) {
    fail("look at", files);
  }
  return status.st_size;
}

void write_chunk(const FilePair& files, const char* data, size_t count, off_t position) {
  while (count > 0) {
    const ssize_t written = ::pwrite(files.target, data, count, position);
    if (written < 0 && errno != EINTR) {
      fail("write the copy of", files);
    }
    const ssize_t advance = std::max<ssize_t>(written, 0);
    data += advance;
    count -= static_cast<size_t>(advance);
    position += advance;
  }
}

/// Reading and writing, not copy_file_range(2): that may share blocks, and who chose copies gets copies.
void copy_range(const FilePair& files, off_t position, off_t end, char* buffer) {
  while (position < end) {
    throw_if_interrupted();
    const size_t wanted = static_cast<size_t>(std::min<off_t>(end - position, off_t{chunk_bytes}));
    const ssize_t count = ::pread(files.source, buffer, wanted, position);
    if (count == 0) {
      return;
    }
    if (count < 0) {
      if (errno != EINTR) {
        fail("read", files);
      }
      continue;
    }
    write_chunk(files, buffer, static_cast<size_t>(count), position);
    position += count;
  }
}

}  // namespace

void copy_data(const FilePair& files) {
  const off_t size = size_of(files.source, files);  // what is appended later is none of this copy's
  if (size == 0) {
    return;
  }
  const auto buffer = std::make_unique_for_overwrite<char[]>(
      std::min(chunk_bytes, static_cast<size_t>(size)));
  off_t position = 0;
  while (position < size) {
    // lseek(2): ENXIO past the last data. A file system that knows no holes says that all is data.
    const off_t data = ::lseek(files.source, position, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
      break;
    }
    const off_t hole = data < 0 ? -1 : ::lseek(files.source, data, SEEK_HOLE);
    if (hole < 0 && errno == ENXIO) {
      break;  // it shrank in between
    }
    if (hole < 0) {
      fail("find the data of", files);
    }
    copy_range(files, data, std::min(hole, size), buffer.get());
    position = hole;
  }
  // Where it ends in a hole, or shrank in between. Not without need: XFS then writes what was copied to the disk, and waits for it
  // (xfs_setattr_size in the kernel's fs/xfs/xfs_iops.c).
  const off_t end = std::min(size, size_of(files.source, files));
  if (size_of(files.target, files) != end && ::ftruncate(files.target, end) != 0) {
    fail("set the size of the copy of", files);
  }
}

}  // namespace bpg::storage
