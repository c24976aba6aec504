#include "bpg/wal/input.hpp"

#include <unistd.h>

#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::wal {

size_t read_some(int fd, std::span<std::byte> buffer, const std::filesystem::path& path) {
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t count = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (count == 0) {
      break;
    }
    if (count > 0) {
      size += static_cast<size_t>(count);
    } else if (errno != EINTR) {
      throw system_error(errno, fmt::format("cannot read {}", path.string()));
    }
  }
  return size;
}

uint64_t read_pieces(int fd, const std::filesystem::path& path, const Sink& sink) {
  std::vector<std::byte> buffer(128 << 10);
  uint64_t size = 0;
  for (;;) {
    const size_t count = read_some(fd, buffer, path);
    size += count;
    if (count > 0) {
      sink(std::span(buffer).first(count));
    }
    if (count < buffer.size()) {
      return size;
    }
  }
}

}  // namespace bpg::wal
