#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpg/core/lsn.hpp"
#include "bpg/util/clock.hpp"
#include "bpg/wal/event.hpp"
#include "bpg/wal/reader.hpp"

namespace bpg::wal {

/// A restore point and the record that holds it.
struct PlacedRestorePoint {
  Lsn start;
  Lsn end;  ///< PostgreSQL's recovery_target_name stops here
  Time time{};
  std::string name;

  bool operator==(const PlacedRestorePoint&) const = default;
};

/// What one segment holds, as its index entry says it. A record that begins in one segment and ends in the next is in
/// neither: `straddler` says where to look.
struct Summary {
  struct Times {
    Time earliest{};  ///< times of commits are not in the order of the WAL
    Time latest{};
    bool operator==(const Times&) const = default;
  };
  struct Xids {
    uint32_t oldest = 0;  ///< in the circular order of transaction numbers (TransactionIdPrecedes in transam.c)
    uint32_t newest = 0;
    bool operator==(const Xids&) const = default;
  };

  std::optional<Lsn> first_record{};  ///< the first that begins in the segment
  std::optional<Lsn> last_record{};   ///< the last that begins in it
  Lsn end;                            ///< the end of the last that is complete in it
  uint64_t commits = 0;
  uint64_t aborts = 0;
  std::optional<Times> commit_times{};
  std::optional<Xids> xids{};         ///< of all that committed or aborted, subtransactions too
  std::vector<PlacedRestorePoint> restore_points{};
  bool switched = false;              ///< ends early, by a switch
  std::optional<Lsn> straddler{};     ///< a record that goes on in the next segment, and may end a transaction or be a restore point
  std::optional<Lsn> broken_at{};     ///< nothing can be read from here on

  bool operator==(const Summary&) const = default;

  bool may_hold(uint32_t xid) const;
};

/// Makes the summary of one segment while its bytes pass by. Never throws because of them.
class Summarizer {
 public:
  Summarizer(Lsn start, uint64_t segment_size);
  Summarizer(const Summarizer&) = delete;
  Summarizer& operator=(const Summarizer&) = delete;

  void feed(std::span<const std::byte> bytes) { m_reader.feed(bytes); }

  /// After the last byte.
  Summary finish();
  /// Why the segment is broken where it is.
  const std::optional<Reader::Problem>& problem() const { return m_reader.problem(); }

 private:
  void add(const Record& record);

  Summary m_summary;
  Reader m_reader;
};

}  // namespace bpg::wal
