#include "bpg/engine/clone.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

ClonePlan plan_clone(const Context& context, const CloneSource& source, const BranchId& for_branch) {
  const VolumeId parent = source.snapshot ? source.snapshot->volume : source.branch.branch.volume;
  ClonePlan plan{.volume = {.id = VolumeId::make(),
                            .database = source.branch.database.id,
                            .branch = for_branch,
                            .parent = parent,
                            .created_at = context.clock.now()}};
  if (source.snapshot) {
    plan.volume.origin = source.snapshot->id;
  } else if (context.storage->traits().shares_space) {
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
}

Frozen make_clone(Context& context, const CloneSource& source, ClonePlan& plan) {
  storage::Storage& storage = *context.storage;
  const VolumeId parent = *plan.volume.parent;
  const VolumeId clone = plan.volume.id;
  if (source.snapshot) {
    step("clone", [&] { storage.clone_snapshot(parent, source.snapshot->id, clone); });
    return {.consistency = source.snapshot->consistency};
  }
  if (!plan.new_origin) {
    return freeze(context, source.branch, {.fast = source.fast}, [&](const storage::CopyRules& rules) {
      storage.copy_volume(parent, clone, rules);
      return storage.volume_path(clone);
    });
  }
  const SnapshotId origin = plan.new_origin->id;
  Frozen frozen = freeze(context, source.branch, {.fast = source.fast}, [&](const storage::CopyRules& rules) {
    storage.create_snapshot(parent, origin, rules);
    return context.atomic() ? fs::path{} : storage.snapshot_path(origin);
  });
  step("clone", [&] { storage.clone_snapshot(parent, origin, clone); });
  return frozen;
}

void store_clone(Context& context, ClonePlan& plan, const Frozen& frozen) {
  if (plan.new_origin) {
    Snapshot& origin = *plan.new_origin;
    origin.state = State::ready;
    origin.consistency = frozen.consistency;
    origin.start_lsn = frozen.start_lsn;
    origin.stop_lsn = frozen.stop_lsn;
    context.catalog.snapshots.update(origin);
  }
  plan.volume.state = State::ready;
  context.catalog.volumes.update(plan.volume);
}

}  // namespace bpg::engine
