#pragma once

#include "bpg/engine/find.hpp"
#include "bpg/engine/freeze.hpp"
#include "bpg/engine/restore_plan.hpp"
#include "bpg/engine/server.hpp"

namespace bpg::engine {

/// What a new volume is cut from: the present state of a branch, a snapshot, or another moment of its history.
struct CloneSource {
  BranchRef branch;                        ///< whose lock is held, shared
  std::optional<Snapshot> snapshot{};      ///< nothing: the present state
  std::optional<Moment> moment{};          ///< one that is reached by recovery
  std::optional<RestorePlan> restore{};    ///< how; `snapshot` is then its base
  bool fast = false;
};

/// A source as somebody named it: a snapshot's label or id, else a moment (core/moment.hpp); empty: the present state. Times
/// without a zone are of the configuration's.
CloneSource find_clone_source(const Context& context, const BranchRef& branch, const std::string& moment);

/// Finds out how the source's moment is reached, once its branch is locked, and tells it. Nothing where it is none that recovery
/// reaches.
void plan_restore_of(const Context& context, CloneSource& source);

/// A volume to be cut from a source: rows that must be stored before anything is made.
struct ClonePlan {
  Volume volume;
  std::optional<Snapshot> new_origin{};  ///< a snapshot that is made for this clone
  std::optional<Snapshot> base{};        ///< one of the clone itself, once it has been recovered
  std::chrono::steady_clock::time_point planned_at{};
  std::chrono::microseconds replay{};    ///< how long its recovery took
};

/// `archived`: the volume is to have an archive. Its origin is then kept as the base of every recovery, also where that
/// costs the space of a copy.
ClonePlan plan_clone(const Context& context, const CloneSource& source, const BranchId& for_branch, bool archived);

/// A snapshot of a new volume itself, to be taken when it is ready: recovery begins there where no origin holds its
/// history.
Snapshot new_base(const Volume& volume);

/// Writes the plan's rows. Throws `Error{not_found}` where the snapshot has gone meanwhile. In a transaction.
void store_plan(Context& context, const CloneSource& source, const ClonePlan& plan);

/// What the clone's first start is to do besides `settle`.
FirstStart to_start(const CloneSource& source, ClonePlan& plan, const std::function<void(postgres::Session&)>& settle = {});

/// Starts the clone for the first time. Without `start` its server does not run afterwards, and has run only where a moment is
/// reached by that.
void bring_up_clone(Context& context, const BranchRef& branch, const CloneSource& source, ClonePlan& plan, bool start);

/// Makes the files of the clone, which is to be `branch`'s. What is learned of a new origin is noted in the plan.
void make_clone(Context& context, const BranchRef& branch, const CloneSource& source, ClonePlan& plan);

/// Writes the plan's rows as ready, and how long it took to get there, where that was a restore. In a transaction.
void store_clone(Context& context, CloneSource& source, ClonePlan& plan);

}  // namespace bpg::engine
