#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

struct CreateSnapshot {
  Subject subject;
  std::string label{};
  bool fast = false;  ///< crash-consistent: no checkpoint
};

SnapshotView create_snapshot(Context& context, const CreateSnapshot& request);

/// One that the branch's schedule makes, and may delete.
SnapshotView create_scheduled_snapshot(Context& context, const BranchRef& branch);

/// The user's snapshots of one branch, or of all, oldest first.
std::vector<SnapshotView> list_snapshots(const Context& context, const std::optional<Subject>& subject);

/// `reference` is "snap_…" or "app/main@label".
SnapshotView get_snapshot(const Context& context, const std::string& reference);

struct DeletedSnapshot {
  SnapshotView snapshot;
  std::vector<std::string> needed_by;  ///< branches cut from it: its space is freed when they are gone
};

DeletedSnapshot delete_snapshot(Context& context, const std::string& reference);

/// What `delete_snapshot` would do.
DeletedSnapshot preview_deletion(const Context& context, const std::string& reference);

struct CleanUpSnapshots {
  std::optional<Subject> subject{};  ///< nothing: all branches
  std::optional<size_t> keep{};      ///< keep this many of each branch, the newest
  std::optional<std::chrono::seconds> older_than{};
  bool dry_run = false;
};

/// Deletes the snapshots that both limits allow to go; what was, or with `dry_run` would be, deleted.
std::vector<DeletedSnapshot> clean_up_snapshots(Context& context, const CleanUpSnapshots& request);

}  // namespace bpg::engine
