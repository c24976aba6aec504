#pragma once

#include <cstddef>
#include <cstdint>

namespace bpg {

/// CRC-32C (Castagnoli), as PostgreSQL computes it over control file and WAL records (port/pg_crc32c.h). May be fed in
/// pieces.
class Crc32c {
 public:
  void add(const void* data, size_t size);
  uint32_t value() const { return ~m_state; }

 private:
  uint32_t m_state = 0xFFFFFFFF;
};

uint32_t crc32c(const void* data, size_t size);

}  // namespace bpg
