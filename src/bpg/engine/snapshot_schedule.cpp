#include "bpg/engine/snapshot_schedule.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/lock.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

/// The snapshots that the branch's schedule made, oldest first.
std::vector<SnapshotView> scheduled_snapshots(const Context& context, const Branch& branch) {
  std::vector<SnapshotView> views;
  for (const Snapshot& snapshot : context.catalog.snapshots.of_branch(branch.id)) {
    if (snapshot.scheduled && snapshot.state == State::ready) {
      views.push_back(view(context, snapshot));
    }
  }
  return views;
}

ScheduleView view_schedule(const Context& context, const BranchRef& branch) {
  const auto schedule = context.catalog.schedules.find(branch.branch.id);
  const auto snapshots = scheduled_snapshots(context, branch.branch);
  ScheduleView result{.subject = branch.subject(), .keep = {}, .snapshots = snapshots.size(), .latest = {}, .due = {}};
  if (!snapshots.empty()) {
    result.latest = snapshots.back().created_at;
  }
  if (schedule) {
    result.keep = schedule->keep;
    result.due = result.latest ? period_end(schedule->keep.finest(), *result.latest) : context.clock.now();
  }
  return result;
}

/// The branch, unless it is being made or was deleted.
std::optional<BranchRef> find_ready(const Context& context, const BranchId& id) {
  const auto branch = context.catalog.branches.find(id);
  const auto database = branch ? context.catalog.databases.find(branch->database) : std::nullopt;
  return database && branch->state == State::ready ? std::optional(BranchRef{*database, *branch}) : std::nullopt;
}

/// Runs `change` in one transaction that the branch's deletion cannot come between.
template <class Change>
ScheduleView change_schedule(Context& context, const Subject& subject, Change&& change) {
  BranchRef branch = find_branch(context, subject);
  step("store schedule", [&] {
    context.catalog.write([&] {
      branch = find_branch_again(context, branch);
      change(branch.branch.id);
    });
  });
  return view_schedule(context, branch);
}

constexpr const char* tick_lock = "snapshot-tick";

FileLock lock_tick(const Context& context) {
  auto lock = FileLock::acquire(context.home.lock_file(tick_lock), FileLock::Mode::exclusive, context.config.lock_wait);
  if (!lock) {
    throw Error(ErrorCode::busy, "another 'bpg snapshot tick' is at work",
                "Try again when it has ended. lock.wait in the configuration says how long bpg waits.");
  }
  return std::move(*lock);
}

/// One branch's turn.
class Turn {
 public:
  Turn(Context& context, const BranchRef& branch, const Retention& keep, bool dry_run)
      : m_context(context), m_branch(branch), m_keep(keep), m_dry_run(dry_run), m_entry{.subject = branch.subject()} {}

  TickEntry take() {
    const Time now = m_context.clock.now();
    const auto before = scheduled_snapshots(m_context, m_branch.branch);
    if (!before.empty() && now < before.back().created_at) {
      const SnapshotView& newest = before.back();
      m_entry.held = fmt::format("the clock says {}, and its scheduled snapshot {} is of {}: where that is wrong, delete it",
                                 to_rfc3339(now), newest.id.str(), to_rfc3339(newest.created_at));
      return std::move(m_entry);
    }
    const auto this_period = period_start(m_keep.finest(), now);
    m_entry.due = before.empty() || period_start(m_keep.finest(), before.back().created_at) != this_period;
    try {
      if (m_entry.due && !m_dry_run) {
        m_entry.made = create_scheduled_snapshot(m_context, m_branch);
      }
      sort_out(now);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) {
        throw;
      }
      m_entry.failure = error.with_context(m_entry.subject);
    }
    return std::move(m_entry);
  }

 private:
  void sort_out(Time now) {
    const auto snapshots = scheduled_snapshots(m_context, m_branch.branch);
    std::vector<Time> moments;
    for (const SnapshotView& snapshot : snapshots) {
      moments.push_back(snapshot.created_at);
    }
    if (m_entry.due && m_dry_run) {
      moments.push_back(now);  // of the one that would be there
    }
    const auto units = kept_by(m_keep, moments);
    for (size_t i = 0; i < snapshots.size(); ++i) {
      const std::string id = snapshots[i].id.str();
      if (!units[i].empty()) {
        m_entry.kept.push_back({snapshots[i], units[i]});
      } else {
        m_entry.deleted.push_back(m_dry_run ? preview_deletion(m_context, id) : delete_snapshot(m_context, id));
      }
    }
  }

  Context& m_context;
  const BranchRef& m_branch;
  const Retention& m_keep;
  bool m_dry_run;
  TickEntry m_entry;
};

}  // namespace

ScheduleView set_schedule(Context& context, const Subject& subject, const Retention& keep) {
  return change_schedule(context, subject, [&](const BranchId& branch) { context.catalog.schedules.set({branch, keep}); });
}

ScheduleView remove_schedule(Context& context, const Subject& subject) {
  return change_schedule(context, subject, [&](const BranchId& branch) { context.catalog.schedules.erase(branch); });
}

ScheduleView get_schedule(const Context& context, const Subject& subject) {
  return view_schedule(context, find_branch(context, subject));
}

std::vector<ScheduleView> list_schedules(const Context& context) {
  std::vector<ScheduleView> views;
  for (const SnapshotSchedule& schedule : context.catalog.schedules.list()) {
    if (const auto branch = find_ready(context, schedule.branch)) {
      views.push_back(view_schedule(context, *branch));
    }
  }
  return views;
}

std::vector<TickEntry> tick(Context& context, bool dry_run) {
  std::optional<FileLock> lock;
  if (!dry_run) {
    lock = lock_tick(context);
  }
  std::vector<TickEntry> entries;
  for (const SnapshotSchedule& listed : context.catalog.schedules.list()) {
    // Read anew: those before it may have taken their time.
    const auto schedule = context.catalog.schedules.find(listed.branch);
    const auto branch = find_ready(context, listed.branch);
    if (schedule && branch) {
      entries.push_back(Turn(context, *branch, schedule->keep, dry_run).take());
    }
  }
  return entries;
}

}  // namespace bpg::engine
