#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "bpg/wal/codec.hpp"
#include "bpg/wal/name.hpp"
#include "bpg/wal/source_mark.hpp"
#include "bpg/wal/summary.hpp"

namespace bpg::wal {

/// What a stored file says of itself: its index entry. It stands in a skippable frame of zstd and lz4 at the start of
/// the file, so that one rename makes both durable together, `zstd -d` passes over it, and an index is made by reading
/// heads alone.
struct Head {
  static constexpr size_t stored_size = 1024;  ///< always; the compressed frame begins there

  FileName name;
  Codec codec = Codec::zstd;
  uint64_t size = 0;   ///< of the file as PostgreSQL has it
  std::string hash{};  ///< of the same
  std::string boot{};  ///< which run of the machine stored it
  std::optional<SourceMark> source{};
  std::optional<Summary> summary{};          ///< of segments
  bool restore_points_complete = true;       ///< false: there was no room for all, and the segment itself must be asked

  /// `stored_size` bytes.
  std::string encode() const;
  /// Nothing where these are not the bytes of a head, or are damaged.
  static std::optional<Head> decode(std::string_view bytes);
};

}  // namespace bpg::wal
