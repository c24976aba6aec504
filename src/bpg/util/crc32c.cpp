#include "bpg/util/crc32c.hpp"

#include <array>
#include <cstring>

namespace bpg {

namespace {

constexpr std::array<std::array<uint32_t, 256>, 8> make_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1) ? 0x82F63B78U : 0U);
    }
    tables[0][i] = value;
  }
  for (size_t slice = 1; slice < 8; ++slice) {
    for (size_t i = 0; i < 256; ++i) {
      const uint32_t before = tables[slice - 1][i];
      tables[slice][i] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr auto tables = make_tables();

/// Eight bytes at a time ("slicing-by-8"), for processors without an instruction for it.
uint32_t add_by_table(uint32_t crc, const unsigned char* data, size_t size) {
  for (; size >= 8; data += 8, size -= 8) {
    crc ^= static_cast<uint32_t>(data[0]) | static_cast<uint32_t>(data[1]) << 8 | static_cast<uint32_t>(data[2]) << 16 |
           static_cast<uint32_t>(data[3]) << 24;
    crc = tables[7][crc & 0xFF] ^ tables[6][(crc >> 8) & 0xFF] ^ tables[5][(crc >> 16) & 0xFF] ^ tables[4][crc >> 24] ^
          tables[3][data[4]] ^ tables[2][data[5]] ^ tables[1][data[6]] ^ tables[0][data[7]];
  }
  for (; size > 0; ++data, --size) {
    crc = (crc >> 8) ^ tables[0][(crc ^ *data) & 0xFF];
  }
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t add_by_instruction(uint32_t crc, const unsigned char* data, size_t size) {
  uint64_t wide = crc;
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, data, sizeof word);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (; size > 0; ++data, --size) {
    crc = __builtin_ia32_crc32qi(crc, *data);
  }
  return crc;
}

bool has_instruction() {
  static const bool has = __builtin_cpu_supports("sse4.2") > 0;
  return has;
}
#endif

}  // namespace

void Crc32c::add(const void* data, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
#if defined(__x86_64__)
  if (has_instruction()) {
    m_state = add_by_instruction(m_state, bytes, size);
    return;
  }
#endif
  m_state = add_by_table(m_state, bytes, size);
}

uint32_t crc32c(const void* data, size_t size) {
  Crc32c crc;
  crc.add(data, size);
  return crc.value();
}

}  // namespace bpg
