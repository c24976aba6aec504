#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/snapshots.hpp"
#include "bpg/util/error.hpp"

namespace bpg::engine {

struct ScheduleView {
  std::string subject;
  std::optional<Retention> keep;  ///< nothing: the branch has no schedule
  size_t snapshots = 0;           ///< that a schedule made, and that are there
  std::optional<Time> latest;     ///< the newest of them
  std::optional<Time> due;        ///< from then on a tick makes one; nothing without a schedule
};

/// Gives the branch this schedule, in the place of one that it has. Nothing is made or deleted before the next tick.
ScheduleView set_schedule(Context& context, const Subject& subject, const Retention& keep);

/// Takes the branch's schedule away, where it has one. Its snapshots stay.
ScheduleView remove_schedule(Context& context, const Subject& subject);

ScheduleView get_schedule(const Context& context, const Subject& subject);

/// Of the live branches that have one.
std::vector<ScheduleView> list_schedules(const Context& context);

struct KeptSnapshot {
  SnapshotView snapshot;
  std::vector<RetentionUnit> kept_by;
};

/// What a tick did for one branch.
struct TickEntry {
  std::string subject;
  bool due = false;                      ///< the period had no scheduled snapshot yet
  std::optional<SnapshotView> made{};    ///< nothing in a dry run
  std::vector<KeptSnapshot> kept{};      ///< oldest first, with the one that was made
  std::vector<DeletedSnapshot> deleted{};  ///< that no unit keeps; in a dry run: that would be
  std::string held{};                    ///< why nothing was looked at; empty where nothing holds it up
  std::optional<Error> failure{};        ///< what ended the work on this branch
};

/// For each live branch with a schedule: makes a snapshot where the present period of the schedule's finest unit has none,
/// then deletes those of its scheduled snapshots that no unit keeps. No other snapshot is ever touched.
///
/// Where the snapshot cannot be made, nothing of that branch is deleted; its failure does not keep the others from their
/// turn. Where the clock stands before the branch's newest scheduled snapshot, nothing is made or deleted: what the clock
/// says is no ground to delete on. One tick at a time: `Error{busy}` where another goes on for longer than `lock.wait`.
std::vector<TickEntry> tick(Context& context, bool dry_run);

}  // namespace bpg::engine
