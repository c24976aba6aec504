#include <fmt/format.h>

#include "bpg/engine/branches.hpp"
#include "bpg/engine/clone.hpp"
#include "bpg/engine/lock.hpp"
#include "bpg/engine/making.hpp"
#include "bpg/engine/manifest.hpp"
#include "bpg/engine/protection.hpp"
#include "bpg/engine/port.hpp"
#include "bpg/engine/purge.hpp"
#include "bpg/engine/retire.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/switching.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

std::optional<BranchRef> parent_of(const Context& context, const BranchRef& branch) {
  const auto parent = branch.branch.parent ? context.catalog.branches.find(*branch.branch.parent) : std::nullopt;
  return parent && parent->state == State::ready ? std::optional(BranchRef{branch.database, *parent}) : std::nullopt;
}

CloneSource find_source(const Context& context, const BranchRef& branch, const ResetBranch& request) {
  const auto parent = parent_of(context, branch);
  if (request.to.empty() && !parent) {
    throw Error(ErrorCode::refused, fmt::format("{} has no parent to be reset to", branch.subject()),
                fmt::format("Name one of its snapshots, or a moment: 'bpg branch reset {} --to SNAPSHOT'.", branch.subject()));
  }
  if (!parent) {
    return find_clone_source(context, branch, request.to);
  }
  // The branch's own snapshots come before its parent's; moments are the parent's.
  try {
    if (CloneSource own = find_clone_source(context, branch, request.to); own.snapshot) {
      return own;
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) {
      throw;
    }
  }
  try {
    return find_clone_source(context, *parent, request.to);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) {
      throw;
    }
    throw Error(ErrorCode::not_found,
                fmt::format("neither {} nor its parent {} has a snapshot '{}'", branch.subject(), parent->subject(), request.to),
                error.hint());
  }
}

/// Gives a branch, whose lock is held, a new volume cut from `source`.
BranchView move_branch(Context& context, BranchRef branch, CloneSource source, const std::string& reason, bool now) {
  std::optional<FileLock> source_lock;
  if (source.branch.branch.id != branch.branch.id) {
    source_lock = lock_branch(context, source.branch.branch, FileLock::Mode::shared);
    source.branch = find_branch_again(context, source.branch);
  }
  require_space(context);

  const VolumeId old_volume = branch.branch.volume;
  if (const std::string holder = held_by_snapshot(context, old_volume); now && !holder.empty()) {
    throw Error(ErrorCode::refused, fmt::format("{} needs the present volume of {}", holder, branch.subject()),
                "Leave --now out, or delete the snapshot first.");
  }
  plan_restore_of(context, source);
  const bool start = server_status(context, old_volume).running;
  ClonePlan plan = plan_clone(context, source, branch.branch.id, branch.branch.archive);
  Making making(context, plan.volume.id, [&] { store_plan(context, source, plan); });
  make_clone(context, branch, source, plan);

  Switching switching(context, branch);
  if (start || source.restore) {
    require_free_port(branch.branch.port);
  }
  bring_up_clone(context, branch, source, plan, start);
  std::optional<FileLock> old_lock;
  if (now) {
    old_lock = lock_volume(context, old_volume);
  }
  making.done([&] {
    retire_volume(context, old_volume, reason);
    context.catalog.branches.append({branch.branch.id, old_volume, plan.volume.id, reason, context.clock.now()});
    store_clone(context, source, plan);
    branch.branch.volume = plan.volume.id;
    context.catalog.branches.update(branch.branch);
    if (now) {
      begin_purge(context, old_volume);
    }
  });
  switching.done();
  if (now) {
    finish_purge(context, old_volume);
  }
  BranchView moved = view(context, branch);
  moved.restored = source.restore;
  return moved;
}

}  // namespace

BranchView reset_branch(Context& context, const ResetBranch& request) {
  BranchRef branch = find_branch(context, request.subject);
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  branch = find_branch_again(context, branch);
  refuse_if_protected(branch, "be reset");
  CloneSource source = find_source(context, branch, request);
  source.fast = request.fast;
  return move_branch(context, branch, std::move(source), "reset", request.now);
}

BranchView restore_branch(Context& context, const RestoreBranch& request) {
  BranchRef branch = find_branch(context, request.subject);
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  branch = find_branch_again(context, branch);
  refuse_if_protected(branch, "be restored");
  CloneSource source = find_clone_source(context, branch, request.at);
  if (!source.snapshot && !source.moment) {
    throw Error(ErrorCode::usage, fmt::format("{} is at its present state already", branch.subject()),
                "Name a moment that has passed: --at \"10 minutes ago\".");
  }
  return move_branch(context, branch, std::move(source), "restore", request.now);
}

BranchView undo_reset(Context& context, const UndoReset& request) {
  BranchRef branch = find_branch(context, request.subject);
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  branch = find_branch_again(context, branch);
  refuse_if_protected(branch, "go back to another volume");
  const VolumeId present = branch.branch.volume;
  const Volume target = find_undo_target(context, branch, request.to);

  const bool start = server_status(context, present).running;
  Switching switching(context, branch);
  BranchRef moved = branch;
  moved.branch.volume = target.id;
  step("move branch", [&] {
    context.catalog.write([&] {
      retire_volume(context, present, "undo");
      unretire_volume(context, target.id);
      context.catalog.branches.append({branch.branch.id, present, target.id, "undo", context.clock.now()});
      Branch marked = moved.branch;
      marked.switching = true;
      context.catalog.branches.update(marked);
    });
  });
  if (start) {
    start_server(context, moved);
  }
  write_manifest(context, moved, volume_of(context, moved.branch));
  context.catalog.write([&] { context.catalog.branches.update(moved.branch); });
  switching.done();
  return view(context, moved);
}

}  // namespace bpg::engine
