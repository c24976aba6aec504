#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "bpg/core/moment.hpp"
#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// How a branch is brought back to a moment of its history: a clone of `base`, recovered along the WAL of `volume` up to and
/// with one record. Every target becomes this one form before anything is made (promise 5).
struct RestorePlan {
  Moment moment;
  Volume volume;                  ///< whose history holds the moment
  Snapshot base;
  uint32_t timeline = 0;          ///< of that history
  /// The start of the last record that is replayed; nothing: the base is that moment, nothing is replayed.
  std::optional<Lsn> last_record{};
  Lsn end;                        ///< the moment as an LSN: the end of that record
  std::optional<Time> time{};     ///< as UTC, where the moment is a time or its record says one
  uint64_t segments = 0;          ///< how many files of WAL are fetched
  uint64_t wal_bytes = 0;         ///< and how much of it is replayed
  std::chrono::microseconds estimated{};             ///< how long it will take from here on (restore_speed.hpp)
  std::optional<std::chrono::microseconds> took{};   ///< and how long it took, once it is done
};

/// Finds the moment, and checks that everything that recovery needs is there and is right: base, history, and each segment
/// with its hash. Starts no server and makes nothing; a running server of the branch may be asked to hand over the segment
/// that is still open. The branch's lock must be held, at least shared.
///
/// Throws `Error{not_found}` where the moment is not in the history, with what can be restored, and `Error{refused}` where
/// something is missing or damaged, with what.
RestorePlan plan_restore(const Context& context, const BranchRef& branch, const Moment& moment);

}  // namespace bpg::engine
