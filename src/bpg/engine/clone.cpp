#include "bpg/engine/clone.hpp"

#include <fmt/format.h>

#include "bpg/engine/manifest.hpp"
#include "bpg/engine/restore_speed.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

CloneSource find_clone_source(const Context& context, const BranchRef& branch, const std::string& text) {
  CloneSource source{.branch = branch};
  if (text.empty()) {
    return source;
  }
  // A label may look like a moment: what exists is what was meant.
  source.snapshot = look_for_snapshot(context, branch, text);
  if (source.snapshot) {
    return source;
  }
  const Moment moment = parse_moment(text, context.clock.now(), context.config.timezone);
  if (std::holds_alternative<AtSnapshot>(moment)) {
    source.snapshot = find_snapshot(context, branch, text);  // says what there is
  } else if (!std::holds_alternative<AtNow>(moment)) {
    source.moment = moment;
  }
  return source;
}

void plan_restore_of(const Context& context, CloneSource& source) {
  if (source.moment) {
    source.restore = plan_restore(context, source.branch, *source.moment);
    source.snapshot = source.restore->base;
    context.before_restore(*source.restore);
  }
}

Snapshot new_base(const Volume& volume) {
  return {.id = SnapshotId::make(), .volume = volume.id, .base = true, .created_at = volume.created_at};
}

ClonePlan plan_clone(const Context& context, const CloneSource& source, const BranchId& for_branch, bool archived) {
  const VolumeId parent = source.snapshot ? source.snapshot->volume : source.branch.branch.volume;
  ClonePlan plan{.volume = {.id = VolumeId::make(),
                            .database = source.branch.database.id,
                            .branch = for_branch,
                            .parent = parent,
                            .archived = archived,
                            .created_at = context.clock.now()},
                 .planned_at = std::chrono::steady_clock::now()};
  if (source.restore && source.restore->last_record) {
    plan.volume.recovered_from = source.restore->volume.id;
    if (archived) {
      plan.base = new_base(plan.volume);
    }
  }
  if (source.snapshot) {
    plan.volume.origin = source.snapshot->id;
  } else if (context.storage->traits().shares_space || archived) {
    plan.new_origin = Snapshot{.id = SnapshotId::make(), .volume = parent, .created_at = plan.volume.created_at};
    plan.volume.origin = plan.new_origin->id;
  }
  return plan;
}

void store_plan(Context& context, const CloneSource& source, const ClonePlan& plan) {
  if (source.snapshot) {
    const auto now = context.catalog.snapshots.find(source.snapshot->id);
    if (!now || now->state != State::ready) {
      throw Error(ErrorCode::not_found, fmt::format("snapshot {} was deleted meanwhile", source.snapshot->id.str()));
    }
  }
  if (plan.new_origin) {
    context.catalog.snapshots.insert(*plan.new_origin);
  }
  context.catalog.volumes.insert(plan.volume);
  if (plan.base) {
    context.catalog.snapshots.insert(*plan.base);
  }
}

FirstStart to_start(const CloneSource& source, ClonePlan& plan, const std::function<void(postgres::Session&)>& settle) {
  return {.settle = settle,
          .restore = source.restore ? &*source.restore : nullptr,
          .base = plan.base ? &*plan.base : nullptr};
}

void bring_up_clone(Context& context, const BranchRef& branch, const CloneSource& source, ClonePlan& plan, bool start) {
  if (start || source.restore) {
    plan.replay = first_start(context, branch, plan.volume, owner_endpoint(context, branch).password, to_start(source, plan));
    if (!start) {
      stop_server(context, plan.volume.id);
    }
    return;
  }
  step("write manifest", [&] {
    write_manifest(context, branch, plan.volume);
    sync_file_system(context.storage->volume_path(plan.volume.id));
  });
}

void make_clone(Context& context, const BranchRef& branch, const CloneSource& source, ClonePlan& plan) {
  storage::Storage& storage = *context.storage;
  const VolumeId parent = *plan.volume.parent;
  const VolumeId clone = plan.volume.id;
  if (!plan.volume.origin) {
    freeze(context, source.branch, {.fast = source.fast}, [&](const storage::CopyRules& rules) {
      storage.copy_volume(parent, clone, rules);
      return storage.volume_path(clone);
    });
    return;
  }
  if (plan.new_origin) {
    freeze_into(context, source.branch, {.fast = source.fast}, *plan.new_origin);
  }
  step("clone", [&] { storage.clone_snapshot(parent, *plan.volume.origin, clone, labels_of(branch, plan.volume)); });
}

void store_clone(Context& context, CloneSource& source, ClonePlan& plan) {
  if (plan.new_origin) {
    context.catalog.snapshots.update(*plan.new_origin);
  }
  if (plan.base) {
    context.catalog.snapshots.update(*plan.base);
  }
  plan.volume.state = State::ready;
  context.catalog.volumes.update(plan.volume);
  if (source.restore) {
    using std::chrono::microseconds;
    const auto took = std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - plan.planned_at);
    source.restore->took = took;
    set_restore_speed(context.catalog, restore_speed(context.catalog)
                                           .after({.wal_bytes = source.restore->wal_bytes, .replay = plan.replay, .total = took}));
  }
}

}  // namespace bpg::engine
