#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "bpg/core/lsn.hpp"

namespace bpg::wal {

/// The way that led to a timeline, from a .history file (readTimeLineHistory in timeline.c): which timeline holds
/// which part of the WAL.
class History {
 public:
  struct Part {
    uint32_t timeline = 0;
    Lsn end;  ///< where the next timeline left it
  };

  /// Of a timeline that has no history: it was there from the beginning.
  explicit History(uint32_t timeline) : m_timeline(timeline) {}

  /// Nothing where the text is no history of this timeline: its parents must have smaller numbers, in order.
  static std::optional<History> parse(std::string_view text, uint32_t timeline);

  uint32_t timeline() const { return m_timeline; }
  const std::vector<Part>& ancestors() const { return m_ancestors; }

  /// The timeline that the byte at `lsn` was written on.
  uint32_t timeline_at(Lsn lsn) const;

  /// The timeline whose file holds this segment: where a segment holds a switch, it is read from the newer one's.
  uint32_t timeline_of_segment(uint64_t number, uint64_t segment_size) const;

 private:
  uint32_t m_timeline;
  std::vector<Part> m_ancestors;
};

}  // namespace bpg::wal
