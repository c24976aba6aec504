#include "bpg/engine/delete_branch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/engine/lock.hpp"
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

/// The branch's live descendants, children before their parents, the branch itself last.
std::vector<BranchRef> with_descendants(const Context& context, const BranchRef& branch) {
  std::vector<BranchRef> all;
  for (const Branch& child : context.catalog.branches.live_children(branch.branch.id)) {
    for (BranchRef& descendant : with_descendants(context, {branch.database, child})) {
      all.push_back(std::move(descendant));
    }
  }
  all.push_back(branch);
  return all;
}

void refuse_if_children(const Context& context, const BranchRef& branch) {
  std::vector<std::string> names;
  for (const Branch& child : context.catalog.branches.live_children(branch.branch.id)) {
    if (child.ephemeral) {
      throw_being_made(fmt::format("{}/{}", branch.database.name, child.name), child);
    }
    names.push_back(fmt::format("{}/{}", branch.database.name, child.name));
  }
  if (!names.empty()) {
    throw Error(ErrorCode::has_children, fmt::format("{} has children: {}", branch.subject(), fmt::join(names, ", ")),
                "Delete them with it (--cascade), or hang them on its parent (--reparent).");
  }
}

}  // namespace

void retire_branches(Context& context, const std::vector<BranchRef>& branches, bool now,
                     const std::function<void()>& also) {
  std::vector<VolumeId> purged;
  std::vector<FileLock> locks;
  if (now) {
    for (const BranchRef& ref : branches) {
      for (const Volume& volume : context.catalog.volumes.of_branch(ref.branch.id)) {
        purged.push_back(volume.id);
        locks.push_back(lock_volume(context, volume.id));
      }
    }
  }
  const Time deleted_at = context.clock.now();
  step("retire", [&] {
    context.catalog.write([&] {
      for (const BranchRef& ref : branches) {
        auto branch = context.catalog.branches.find(ref.branch.id).value();
        branch.state = State::retired;
        branch.deleted_at = deleted_at;
        context.catalog.branches.update(branch);
        retire_volume(context, branch.volume, "delete");
      }
      also();
      for (const VolumeId& volume : purged) {
        begin_purge(context, volume);
      }
    });
  });
  if (!now) {
    for (const BranchRef& ref : branches) {
      stop_server(context, ref.branch.volume);
    }
  }
  for (const VolumeId& volume : purged) {
    finish_purge(context, volume);
  }
}

std::vector<BranchView> delete_branch(Context& context, const DeleteBranch& request) {
  const BranchRef branch = find_branch(context, request.subject);
  if (!branch.branch.parent) {
    throw Error(ErrorCode::refused, fmt::format("{} cannot be deleted by itself", branch.subject()),
                fmt::format("To delete the whole database: 'bpg db delete {}'.", branch.database.name));
  }
  if (request.children == Children::refuse) {
    refuse_if_children(context, branch);
  }
  const std::vector<BranchRef> going = request.children == Children::cascade ? with_descendants(context, branch)
                                                                              : std::vector{branch};
  std::vector<FileLock> locks;
  for (const BranchRef& ref : going) {
    locks.push_back(lock_branch(context, ref.branch, FileLock::Mode::exclusive));
    refuse_if_protected(find_branch_again(context, ref), "be deleted");
  }
  if (request.if_expired_by) {
    const auto expires_at = find_branch_again(context, branch).branch.expires_at;
    if (!expires_at || *expires_at > *request.if_expired_by) {
      throw Error(ErrorCode::refused, fmt::format("{} was given more time meanwhile", branch.subject()));
    }
  }
  retire_branches(context, going, request.now, [&] {
    if (request.children == Children::reparent) {
      for (Branch& child : context.catalog.branches.live_children(branch.branch.id)) {
        child.parent = branch.branch.parent;
        context.catalog.branches.update(child);
      }
    } else {
      for (const BranchRef& ref : going) {  // a child that appeared since they were listed
        refuse_if_children(context, ref);
      }
    }
  });
  std::vector<BranchView> views;
  for (const BranchRef& ref : going) {
    views.push_back(view(context, {ref.database, context.catalog.branches.find(ref.branch.id).value()}));
  }
  return views;
}

void revive_branch(Context& context, Branch& branch) {
  unretire_volume(context, branch.volume);
  branch.state = State::ready;
  branch.deleted_at.reset();
  branch.switching = true;
  branch.port = choose_port(context, branch.port);
  if (branch.expires_at && *branch.expires_at <= context.clock.now()) {
    branch.expires_at.reset();  // or the next clean-up would take it again
  }
  context.catalog.branches.update(branch);
}

BranchView undelete_branch(Context& context, const Subject& subject) {
  const Database database = find_database(context, subject.database);
  if (context.catalog.branches.find_live(database.id, subject.branch)) {
    throw Error(ErrorCode::already_exists, fmt::format("branch '{}' exists", subject.str()),
                fmt::format("To bring the deleted one back, rename this one first: 'bpg branch rename {} NAME'.", subject.str()));
  }
  const auto found = context.catalog.branches.find_retired(database.id, subject.branch);
  if (!found) {
    throw Error(ErrorCode::not_found, fmt::format("no deleted branch '{}' is kept", subject.str()),
                "'bpg cleanup --dry-run' shows what is kept.");
  }
  BranchRef branch{database, *found};
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  step("revive", [&] {
    context.catalog.write([&] {
      branch.branch = context.catalog.branches.find(branch.branch.id).value();
      const auto parent = context.catalog.branches.find(branch.branch.parent.value());
      if (!parent || parent->state != State::ready) {
        throw Error(ErrorCode::refused, fmt::format("the parent of {} is deleted, too", subject.str()),
                    parent ? fmt::format("Bring it back first: 'bpg branch undelete {}/{}'.", database.name, parent->name) : "");
      }
      revive_branch(context, branch.branch);
    });
  });
  end_switching(context, branch.branch.id);
  return view(context, find_branch_again(context, branch));
}

}  // namespace bpg::engine
