#pragma once

#include "bpg/engine/find.hpp"
#include "bpg/engine/freeze.hpp"

namespace bpg::engine {

/// What a new volume is cut from: the present state of a branch, or a snapshot.
struct CloneSource {
  BranchRef branch;                    ///< whose lock is held, shared
  std::optional<Snapshot> snapshot{};  ///< nothing: the present state
  bool fast = false;
};

/// A volume to be cut from a source: rows that must be stored before anything is made.
struct ClonePlan {
  Volume volume;
  std::optional<Snapshot> new_origin{};  ///< a snapshot that is made for this clone
};

/// `archived`: the volume is to have an archive. Its origin is then kept as the base of every recovery, also where that
/// costs the space of a copy.
ClonePlan plan_clone(const Context& context, const CloneSource& source, const BranchId& for_branch, bool archived);

/// A snapshot of a new volume itself, to be taken when it is ready: recovery begins there where no origin holds its
/// history.
Snapshot new_base(const Volume& volume);

/// Writes the plan's rows. Throws `Error{not_found}` where the snapshot has gone meanwhile. In a transaction.
void store_plan(Context& context, const CloneSource& source, const ClonePlan& plan);

/// Makes the clone's files. What is learned of a new origin is noted in the plan.
void make_clone(Context& context, const CloneSource& source, ClonePlan& plan);

/// Writes the plan's rows as ready. In a transaction.
void store_clone(Context& context, ClonePlan& plan);

}  // namespace bpg::engine
