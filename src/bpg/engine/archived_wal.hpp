#pragma once

#include <string>
#include <vector>

#include "bpg/engine/branch_history.hpp"
#include "bpg/wal/index.hpp"

namespace bpg::engine {

/// What the archive of a volume holds, on the volume's line of history.
struct ArchivedWal {
  wal::Archive archive;
  wal::Index index;
  wal::History history;
  uint64_t kept_from = 0;  ///< the number of its first segment, where `bpg wal cleanup` removed those before it
};

/// Throws `Error{storage}` where the archive is gone, or damaged so that it cannot be told.
ArchivedWal read_archived_wal(const Context& context, const Volume& volume);

/// The same as `restorable_range(context, stay)` where what the archive holds has been read already.
std::optional<RestorableRange> restorable_range(const Context& context, const Stay& stay, const ArchivedWal& wal);

/// Those bases that WAL from the archive can follow: `bpg wal cleanup` has not removed it.
std::vector<Base> without_removed(std::vector<Base> bases, uint64_t segment_size, uint64_t kept_from);

/// What is missing between the oldest of these bases and the newest segment.
std::vector<wal::Range> gaps_after(const std::vector<Base>& bases, const ArchivedWal& wal);

}  // namespace bpg::engine
