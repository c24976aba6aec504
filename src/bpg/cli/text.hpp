#pragma once

#include <string>
#include <vector>

#include "bpg/cli/output.hpp"
#include "bpg/engine/branch_history.hpp"
#include "bpg/engine/cleanup.hpp"
#include "bpg/engine/settings.hpp"
#include "bpg/engine/snapshot_schedule.hpp"
#include "bpg/engine/snapshots.hpp"
#include "bpg/engine/status.hpp"
#include "bpg/engine/views.hpp"

namespace bpg::cli {

/// What people are shown. Every function returns whole lines.

/// Branches as a tree with their state, port, age and sizes.
std::string branch_tree(const Output& output, const std::vector<engine::BranchView>& branches);
std::string branch_details(const Output& output, const engine::BranchView& branch);
std::string database_table(const Output& output, const std::vector<engine::DatabaseView>& databases);
std::string snapshot_table(const Output& output, const std::vector<engine::SnapshotView>& snapshots);
std::string schedule_table(const Output& output, const std::vector<engine::ScheduleView>& schedules);
std::string cleanup_table(const Output& output, const std::vector<engine::CleanUpEntry>& entries);
/// A branch's settings with where each comes from.
std::string settings_table(const Output& output, const engine::SettingsView& view);
std::string status_page(const Output& output, const engine::Status& status);
std::string info_page(const Output& output, const engine::Info& info);

/// The subjects of branches, or the names or ids of others, one a line: what --quiet prints.
std::string names(const std::vector<engine::BranchView>& branches);
std::string names(const std::vector<engine::DatabaseView>& databases);
std::string names(const std::vector<engine::SnapshotView>& snapshots);

/// Volumes with their times and what can be restored of them.
std::string history_table(const Output& output, const std::vector<engine::HistoryEntry>& entries);
std::string names(const std::vector<engine::HistoryEntry>& entries);

/// How a command brought a branch to a moment, as it was understood; else nothing.
std::string restored_lines(const engine::BranchView& branch);
std::string restored_lines(const engine::RestorePlan& plan);

/// What has become of what a branch held before a command gave it another volume, and what one may do about it.
std::string about_old_volume(const engine::BranchView& branch, bool freed);

/// What one may type next.
struct NextCommand {
  std::string command;
  std::string effect;  ///< "goes back to it"
};

/// One a line, the effects in a column.
std::string next_commands(const std::vector<NextCommand>& commands);

/// A line that says so where a power cut may destroy the branch; else nothing.
std::string durability_note(const engine::BranchView& branch);

/// "in 92 ms": since the command began.
std::string in_time();

}  // namespace bpg::cli
