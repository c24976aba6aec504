#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "bpg/core/lsn.hpp"

namespace bpg::wal {

/// The header of a WAL page (XLogPageHeaderData in xlog_internal.h), with the fields that the first page of a segment
/// has on top (XLogLongPageHeaderData). PostgreSQL writes its machine's byte order: little-endian wherever it runs here.
struct PageHeader {
  static constexpr size_t short_size = 24;
  static constexpr size_t long_size = 40;

  uint16_t magic = 0;
  uint16_t flags = 0;
  uint32_t timeline = 0;
  Lsn address;
  uint32_t remaining = 0;  ///< bytes of a record from the page before that are still to come (xlp_rem_len)
  uint64_t system_identifier = 0;
  uint32_t segment_size = 0;
  uint32_t page_size = 0;

  bool is_long() const { return (flags & 0x0002) != 0; }                         ///< XLP_LONG_HEADER
  bool continues_record() const { return (flags & 0x0001) != 0; }                ///< XLP_FIRST_IS_CONTRECORD
  bool overwrites_broken_record() const { return (flags & 0x0008) != 0; }        ///< XLP_FIRST_IS_OVERWRITE_CONTRECORD
  bool known_magic() const { return magic >= magic_13 && magic <= magic_18; }
  size_t size() const { return is_long() ? long_size : short_size; }

  /// XLOG_PAGE_MAGIC: 13 0xD106, 14 0xD10D, 15 0xD110, 16 0xD113, 17 0xD116, 18 0xD118.
  static constexpr uint16_t magic_13 = 0xD106;
  static constexpr uint16_t magic_18 = 0xD118;

  /// Reads what stands at the start of `bytes`; nothing where they are too few for the header they announce.
  static std::optional<PageHeader> read(std::span<const std::byte> bytes);
};

/// The number at `offset`, which must lie within `bytes`.
template <class Number>
Number read_number(std::span<const std::byte> bytes, size_t offset) {
  Number number{};
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

inline uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace bpg::wal
