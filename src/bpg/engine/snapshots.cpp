#include "bpg/engine/snapshots.hpp"

#include <fmt/format.h>

#include "bpg/engine/freeze.hpp"
#include "bpg/engine/lock.hpp"
#include "bpg/engine/making.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

FileLock lock_snapshot(const Context& context, const SnapshotId& id) {
  auto lock = FileLock::acquire(context.home.lock_file(id.str()), FileLock::Mode::exclusive, context.config.lock_wait);
  if (!lock) {
    throw Error(ErrorCode::busy, fmt::format("another command is at work on snapshot {}", id.str()), "Try again when it has ended.");
  }
  return std::move(*lock);
}

/// Undoes a snapshot in the making unless `done`; after a crash `recover` does.
class SnapshotMaking {
 public:
  SnapshotMaking(Context& context, const Snapshot& snapshot)
      : m_context(context), m_snapshot(snapshot), m_lock(lock_snapshot(context, snapshot.id)) {
    step("store intent", [&] { context.catalog.write([&] { context.catalog.snapshots.insert(snapshot); }); });
  }
  ~SnapshotMaking() {
    if (m_done) {
      return;
    }
    const HoldInterrupts hold;
    try {
      m_context.storage->destroy_snapshot(m_snapshot.volume, m_snapshot.id);
      m_context.catalog.write([&] { m_context.catalog.snapshots.erase(m_snapshot.id); });
      forget_lock(m_context, m_snapshot.id.str());
    } catch (const std::exception&) {
      // The error that brought us here is the one to tell; the next command tries again.
    }
  }
  SnapshotMaking(const SnapshotMaking&) = delete;
  SnapshotMaking& operator=(const SnapshotMaking&) = delete;

  void done(const Snapshot& snapshot) {
    step("store result", [&] {
      m_context.catalog.write([&] { m_context.catalog.snapshots.update(snapshot); });
      m_done = true;
    });
    forget_lock(m_context, snapshot.id.str());
  }

 private:
  Context& m_context;
  Snapshot m_snapshot;
  FileLock m_lock;
  bool m_done = false;
};

std::vector<std::string> branches_cut_from(const Context& context, const Snapshot& snapshot) {
  std::vector<std::string> names;
  for (const Volume& clone : context.catalog.volumes.clones_of(snapshot.id)) {
    const auto branch = context.catalog.branches.find(clone.branch);
    const auto database = context.catalog.databases.find(clone.database);
    if (branch && database) {
      names.push_back(database->name + "/" + branch->name);
    }
  }
  return names;
}

DeletedSnapshot preview_one(const Context& context, const Snapshot& snapshot) {
  return {view(context, snapshot), branches_cut_from(context, snapshot)};
}

DeletedSnapshot delete_one(Context& context, Snapshot snapshot) {
  const FileLock lock = lock_snapshot(context, snapshot.id);
  DeletedSnapshot result{view(context, snapshot), {}};
  step("begin deletion", [&] {
    context.catalog.write([&] {
      result.needed_by = branches_cut_from(context, snapshot);
      if (result.needed_by.empty()) {
        snapshot.state = State::deleting;
      } else {
        snapshot.user = false;  // from now on only the origin of those
        snapshot.label.clear();
      }
      context.catalog.snapshots.update(snapshot);
    });
  });
  if (result.needed_by.empty()) {
    step("destroy snapshot", [&] { context.storage->destroy_snapshot(snapshot.volume, snapshot.id); });
    snapshot.state = State::deleted;
    step("end deletion", [&] { context.catalog.write([&] { context.catalog.snapshots.update(snapshot); }); });
  }
  forget_lock(context, snapshot.id.str());
  return result;
}

std::vector<Snapshot> ready_snapshots(const Context& context, const BranchId& branch) {
  std::vector<Snapshot> snapshots;
  for (Snapshot& snapshot : context.catalog.snapshots.of_branch(branch)) {
    if (snapshot.state == State::ready) {
      snapshots.push_back(std::move(snapshot));
    }
  }
  return snapshots;
}

std::vector<Branch> branches_of(const Context& context, const std::optional<Subject>& subject) {
  if (subject) {
    return {find_branch(context, *subject).branch};
  }
  return context.catalog.branches.list_live();
}

struct Wanted {
  std::string label{};
  bool fast = false;
  bool scheduled = false;
};

void require_free_label(const Context& context, const BranchRef& branch, const std::string& label) {
  check_name("label", label);
  if (SnapshotId::parse(label)) {
    throw Error(ErrorCode::usage, fmt::format("the label '{}' has the form of a snapshot id", label), "Choose another label.");
  }
  if (context.catalog.snapshots.find_label(branch.branch.id, label)) {
    throw Error(ErrorCode::already_exists, fmt::format("{} has a snapshot '{}' already", branch.subject(), label),
                fmt::format("Choose another label, or delete that one: 'bpg snapshot delete {}@{}'.", branch.subject(), label));
  }
}

SnapshotView create(Context& context, BranchRef branch, const Wanted& wanted) {
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::shared);
  branch = find_branch_again(context, branch);
  if (!wanted.label.empty()) {
    require_free_label(context, branch, wanted.label);
  }
  require_space(context);
  Snapshot snapshot{.id = SnapshotId::make(),
                    .volume = branch.branch.volume,
                    .label = wanted.label,
                    .user = true,
                    .scheduled = wanted.scheduled,
                    .created_at = context.clock.now()};
  SnapshotMaking making(context, snapshot);
  freeze_into(context, branch, {.fast = wanted.fast}, snapshot);
  making.done(snapshot);
  return view(context, snapshot);
}

}  // namespace

SnapshotView create_snapshot(Context& context, const CreateSnapshot& request) {
  return create(context, find_branch(context, request.subject), {.label = request.label, .fast = request.fast});
}

SnapshotView create_scheduled_snapshot(Context& context, const BranchRef& branch) {
  return create(context, branch, {.scheduled = true});
}

std::vector<SnapshotView> list_snapshots(const Context& context, const std::optional<Subject>& subject) {
  std::vector<SnapshotView> views;
  for (const Branch& branch : branches_of(context, subject)) {
    for (const Snapshot& snapshot : ready_snapshots(context, branch.id)) {
      views.push_back(view(context, snapshot));
    }
  }
  return views;
}

SnapshotView get_snapshot(const Context& context, const std::string& reference) {
  return view(context, find_snapshot(context, reference));
}

DeletedSnapshot delete_snapshot(Context& context, const std::string& reference) {
  return delete_one(context, find_snapshot(context, reference));
}

DeletedSnapshot preview_deletion(const Context& context, const std::string& reference) {
  return preview_one(context, find_snapshot(context, reference));
}

std::vector<DeletedSnapshot> clean_up_snapshots(Context& context, const CleanUpSnapshots& request) {
  const Time now = context.clock.now();
  std::vector<DeletedSnapshot> deleted;
  for (const Branch& branch : branches_of(context, request.subject)) {
    std::vector<Snapshot> candidates = ready_snapshots(context, branch.id);
    const size_t keep = std::min(request.keep.value_or(0), candidates.size());
    candidates.erase(candidates.end() - static_cast<std::ptrdiff_t>(keep), candidates.end());  // oldest first
    for (const Snapshot& snapshot : candidates) {
      if (request.older_than && now - snapshot.created_at <= *request.older_than) {
        continue;
      }
      deleted.push_back(request.dry_run ? preview_one(context, snapshot) : delete_one(context, snapshot));
    }
  }
  return deleted;
}

}  // namespace bpg::engine
