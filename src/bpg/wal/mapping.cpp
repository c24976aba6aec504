#include "bpg/wal/mapping.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::wal {

namespace {

class Mapping {
 public:
  /// With all pages at once: a fault for each would cost more than it takes to hash them.
  Mapping(int fd, uint64_t offset, size_t size)
      : m_start(::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, static_cast<off_t>(offset))), m_size(size) {}
  ~Mapping() {
    if (*this) {
      ::munmap(m_start, m_size);
    }
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  explicit operator bool() const { return m_start != MAP_FAILED; }
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(m_start), m_size}; }

 private:
  void* m_start;
  size_t m_size;
};

}  // namespace

void map_pieces(int fd, uint64_t size, const std::filesystem::path& path, const Sink& sink) {
  constexpr uint64_t piece = 1 << 20;
  for (uint64_t offset = 0; offset < size; offset += piece) {
    const Mapping mapping(fd, offset, std::min(piece, size - offset));
    if (!mapping) {
      throw system_error(errno, fmt::format("cannot map {}", path.string()));
    }
    sink(mapping.bytes());
  }
}

}  // namespace bpg::wal
