#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bpg/wal/archive.hpp"
#include "bpg/wal/history.hpp"

namespace bpg::wal {

using Entry = Archive::Stored;

/// Segments of one timeline that follow one another.
struct Range {
  uint32_t timeline = 0;
  uint64_t first = 0;  ///< number of the first segment
  uint64_t last = 0;   ///< and of the last
};

/// What an archive holds, from the heads of its files.
class Index {
 public:
  static Index read(const Archive& archive);

  struct Damaged {
    FileName name;
    std::string reason;
  };

  uint64_t segment_size() const { return m_segment_size; }
  /// By name: segments in the order of timeline and WAL, with histories, backups and partials among them.
  const std::map<std::string, Entry>& entries() const { return m_entries; }
  /// Files whose head cannot be read. They count as missing.
  const std::vector<Damaged>& damaged() const { return m_damaged; }

  const Entry* find(const FileName& name) const;
  const Entry* find_segment(uint32_t timeline, uint64_t number) const;

  /// In order of timeline and number: what is not in one of them is a gap.
  std::vector<Range> ranges() const;

 private:
  uint64_t m_segment_size = 0;
  std::map<std::string, Entry> m_entries;
  std::vector<Damaged> m_damaged;
};

/// How far recovery gets on one line of history.
struct Reach {
  Lsn end;                                 ///< the end of the last record that can be replayed without a gap
  std::optional<FileName> first_missing{}; ///< what stops it
  std::optional<Lsn> broken_at{};          ///< or where the WAL itself is damaged
};

/// Where the segments lead that begin with the one that holds `from`, on the way to the timeline of `history`.
Reach reach_of(const Index& index, const History& history, Lsn from);

/// The history of a timeline, from the archive; without one where no .history is stored.
History history_of(const Archive& archive, uint32_t timeline);

}  // namespace bpg::wal
