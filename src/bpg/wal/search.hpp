#pragma once

#include <optional>
#include <string_view>

#include "bpg/util/clock.hpp"
#include "bpg/wal/event.hpp"
#include "bpg/wal/index.hpp"

namespace bpg::wal {

/// Where to look: on one line of history, from `from` on, up to the first gap (`reach_of` tells where that is).
struct SearchSpace {
  const Archive& archive;
  const Index& index;
  History history;
  Lsn from;
};

/// A record and what it says.
template <class What>
struct Placed {
  Lsn start;
  Lsn end;
  What what;
};

/// The first commit in the order of the WAL that is later than `time`: recovery to its start, exclusive, is what the
/// database was at `time`. Opens only the segments that the index does not rule out.
std::optional<Placed<TransactionEnd>> find_commit_after(const SearchSpace& space, Time time);

/// Where the database began to be other than at `time`: the start of the first later commit, or of what comes before that and
/// is later, too: a PREPARE TRANSACTION, or a ROLLBACK PREPARED. No index tells of those: the segments are read from the last
/// on that has a commit of a second before.
std::optional<Lsn> find_change_after(const SearchSpace& space, Time time);

/// A commit takes its time before its record is written, and another may come in between: then times go back by as long as
/// that took. What goes back further went back with the clock of the server.
constexpr std::chrono::seconds longest_commit{60};

/// The first commit behind `from` that has a time not later than `time`, and is `longest_commit` or more earlier than `than`.
std::optional<Placed<TransactionEnd>> find_earlier_commit(const SearchSpace& space, Time time, Time than);

/// The end of the transaction, or of the one that it was a part of.
std::optional<Placed<TransactionEnd>> find_transaction(const SearchSpace& space, uint32_t xid);

/// The first restore point of that name: PostgreSQL stops at the first, too.
std::optional<Placed<RestorePoint>> find_restore_point(const SearchSpace& space, std::string_view name);

/// Where a record is.
struct Extent {
  Lsn start;
  Lsn end;  ///< where the next one begins, or a page header stands before it
};

/// The last complete record that begins before `before`: recovery that stops behind it has replayed all that stands there,
/// and nothing else. `before` must be within what can be reached from `space.from` (`reach_of`); nothing where no record
/// begins between the two.
std::optional<Extent> find_last_record(const SearchSpace& space, Lsn before);

}  // namespace bpg::wal
