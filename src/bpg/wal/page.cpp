#include "bpg/wal/page.hpp"

namespace bpg::wal {

std::optional<PageHeader> PageHeader::read(std::span<const std::byte> bytes) {
  if (bytes.size() < short_size) {
    return std::nullopt;
  }
  PageHeader header{.magic = read_number<uint16_t>(bytes, 0),
                    .flags = read_number<uint16_t>(bytes, 2),
                    .timeline = read_number<uint32_t>(bytes, 4),
                    .address = Lsn{read_number<uint64_t>(bytes, 8)},
                    .remaining = read_number<uint32_t>(bytes, 16)};
  if (header.is_long()) {
    if (bytes.size() < long_size) {
      return std::nullopt;
    }
    header.system_identifier = read_number<uint64_t>(bytes, 24);
    header.segment_size = read_number<uint32_t>(bytes, 32);
    header.page_size = read_number<uint32_t>(bytes, 36);
  }
  return header;
}

}  // namespace bpg::wal
