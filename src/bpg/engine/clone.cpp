#include "bpg/engine/clone.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

ClonePlan plan_clone(const Context& context, const CloneSource& source, const BranchId& for_branch, bool archived) {
  const VolumeId parent = source.snapshot ? source.snapshot->volume : source.branch.branch.volume;
  ClonePlan plan{.volume = {.id = VolumeId::make(),
                            .database = source.branch.database.id,
                            .branch = for_branch,
                            .parent = parent,
                            .archived = archived,
                            .created_at = context.clock.now()}};
  if (source.snapshot) {
    plan.volume.origin = source.snapshot->id;
  } else if (context.storage->traits().shares_space || archived) {
    plan.new_origin = Snapshot{.id = SnapshotId::make(), .volume = parent, .created_at = plan.volume.created_at};
    plan.volume.origin = plan.new_origin->id;
  }
  return plan;
}

Snapshot new_base(const Volume& volume) {
  return {.id = SnapshotId::make(), .volume = volume.id, .created_at = volume.created_at};
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

void make_clone(Context& context, const CloneSource& source, ClonePlan& plan) {
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
  step("clone", [&] { storage.clone_snapshot(parent, *plan.volume.origin, clone); });
}

void store_clone(Context& context, ClonePlan& plan) {
  if (plan.new_origin) {
    context.catalog.snapshots.update(*plan.new_origin);
  }
  plan.volume.state = State::ready;
  context.catalog.volumes.update(plan.volume);
}

}  // namespace bpg::engine
