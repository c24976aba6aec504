#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bpg {

/// A position in the write-ahead log, in bytes (PostgreSQL's pg_lsn). Zero is PostgreSQL's "invalid".
struct Lsn {
  uint64_t value = 0;

  auto operator<=>(const Lsn&) const = default;

  /// "0/953F5508"
  std::string str() const;
  static std::optional<Lsn> parse(std::string_view text);
};

/// The name of that WAL file when segments are `segment_size` bytes
/// (XLogFileName in xlog_internal.h): 24 hexadecimal digits.
std::string segment_name(uint32_t timeline, uint64_t segment_number, uint64_t segment_size);

/// The number of the segment that holds the byte at `lsn` (XLByteToSeg in xlog_internal.h).
uint64_t segment_of(Lsn lsn, uint64_t segment_size);

/// The number of the last segment of WAL that ends at `end` (XLByteToPrevSeg in xlog_internal.h).
uint64_t last_segment_before(Lsn end, uint64_t segment_size);

}  // namespace bpg
