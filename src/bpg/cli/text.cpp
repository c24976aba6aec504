#include "bpg/cli/text.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/clock.hpp"
#include "bpg/util/display.hpp"
#include "bpg/util/table.hpp"
#include "bpg/util/text.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::cli {

namespace {

using Align = Table::Align;

std::string age(Time since) { return format_age(system_clock().now() - since); }

Table::Cell state(const std::string& status) {
  if (status == "running") {
    return {status, Colour::green};
  }
  return {status, status == "stopped" || status == "deleted" ? Colour::dim : Colour::yellow};
}

/// "in 2 h", or "since 5 min" where the moment has passed.
std::string distance(Time moment) {
  const Time now = system_clock().now();
  return moment > now ? "in " + format_age(moment - now) : fmt::format("since {}", format_age(now - moment));
}

/// What is not so with every branch.
std::string remarks(const engine::BranchView& branch) {
  std::vector<std::string> all;
  if (branch.ephemeral) {
    all.emplace_back("ephemeral");
  }
  if (branch.is_protected) {
    all.emplace_back("protected");
  }
  if (branch.expires_at) {
    const bool expired = *branch.expires_at <= system_clock().now();
    all.push_back(fmt::format("{} {}", expired ? "expired" : "expires", distance(*branch.expires_at)));
  }
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string unique_size(const std::optional<storage::Usage>& usage) { return usage ? format_bytes(usage->unique_bytes) : "-"; }
std::string shared_size(const std::optional<storage::Usage>& usage) { return usage ? format_bytes(usage->shared_bytes) : "-"; }

/// Lays the branches, parents before children, out as a tree: a prefix for each.
std::vector<std::string> tree_prefixes(const std::vector<engine::BranchView>& branches) {
  const auto parent_of = [](const engine::BranchView& branch) {
    return branch.parent ? branch.database + "/" + *branch.parent : std::string();
  };
  std::map<std::string, std::string> last_child;
  for (const auto& branch : branches) {
    last_child[parent_of(branch)] = branch.subject();
  }
  std::map<std::string, std::string> stem;  // what stands before the children of a branch
  std::vector<std::string> prefixes;
  for (const auto& branch : branches) {
    const std::string parent = parent_of(branch);
    if (parent.empty() || !stem.contains(parent)) {
      stem[branch.subject()] = "";
      prefixes.emplace_back();
      continue;
    }
    const bool last = last_child[parent] == branch.subject();
    prefixes.push_back(stem[parent] + (last ? "└─ " : "├─ "));
    stem[branch.subject()] = stem[parent] + (last ? "   " : "│  ");
  }
  return prefixes;
}

using Fields = std::vector<std::pair<std::string, Table::Cell>>;

/// Not shortened: a path of which half is missing is of no use.
std::string fields(const Output& output, const Fields& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) {
    const std::string shown = output.screen.terminal ? isolated(printable(value.text)) : printable(value.text);
    text += fmt::format("{:<12} {}\n", name, coloured(shown, value.colour, output.screen.colour));
  }
  return text;
}

Fields branch_fields(const engine::BranchView& branch) {
  Fields pairs{
      {"branch", branch.subject()},
      {"state", state(branch.status)},
      {"parent", branch.parent ? branch.database + "/" + *branch.parent : "none"},
      {"endpoint", fmt::format("{}:{}", branch.host, branch.port)},
      {"created", fmt::format("{} ({} ago)", to_rfc3339(branch.created_at), age(branch.created_at))},
      {"volume", fmt::format("{} on {}", branch.volume.id.str(), branch.volume.driver)},
      {"path", branch.volume.path}};
  if (!branch.profile.empty()) {
    pairs.emplace_back("profile", branch.profile);
  }
  if (branch.relaxed) {
    pairs.emplace_back("durability", "relaxed: a power cut may destroy it");
  }
  if (branch.expires_at) {
    pairs.emplace_back("expires", fmt::format("{} ({})", to_rfc3339(*branch.expires_at), distance(*branch.expires_at)));
  }
  if (branch.is_protected) {
    pairs.emplace_back("protected", "yes");
  }
  if (branch.ephemeral) {
    pairs.emplace_back("ephemeral", "yes: it goes with the command of its 'bpg exec'");
  }
  if (branch.volume.usage) {
    pairs.emplace_back("size", fmt::format("{} of its own, {} shared", unique_size(branch.volume.usage),
                                           shared_size(branch.volume.usage)));
  }
  return pairs;
}

template <class View, class Name>
std::string lines_of(const std::vector<View>& views, Name&& name) {
  std::string text;
  for (const View& view : views) {
    text += name(view) + "\n";
  }
  return text;
}

std::string kept_until(const engine::RetainedView& volume) {
  return volume.keep_until ? to_rfc3339(std::chrono::time_point_cast<std::chrono::seconds>(*volume.keep_until)) : "-";
}

}  // namespace

std::string branch_tree(const Output& output, const std::vector<engine::BranchView>& branches) {
  if (branches.empty()) {
    return "There are no branches. 'bpg db create NAME' makes a database with its branch main.\n";
  }
  const auto prefixes = tree_prefixes(branches);
  Table table({{.title = "BRANCH", .yields = 6, .shrink_to = 12},
               {.title = "STATE", .yields = 5},
               {.title = "PORT", .align = Align::right, .yields = 4},
               {.title = "AGE", .align = Align::right, .yields = 2},
               {.title = "UNIQUE", .align = Align::right, .yields = 3},
               {.title = "SHARED", .align = Align::right, .yields = 1},
               {.title = "", .yields = 7, .shrink_to = 9}});
  for (size_t i = 0; i < branches.size(); ++i) {
    const auto& branch = branches[i];
    table.add({prefixes[i] + branch.subject(), state(branch.status), fmt::format("{}", branch.port),
               age(branch.created_at), unique_size(branch.volume.usage), shared_size(branch.volume.usage), remarks(branch)});
  }
  return table.str(output.screen);
}

std::string branch_details(const Output& output, const engine::BranchView& branch) {
  return fields(output, branch_fields(branch));
}

std::string database_table(const Output& output, const std::vector<engine::DatabaseView>& databases) {
  if (databases.empty()) {
    return "There are no databases. 'bpg db create NAME' makes one.\n";
  }
  Table table({{.title = "DATABASE", .yields = 4, .shrink_to = 12},
               {.title = "POSTGRESQL", .align = Align::right, .yields = 2},
               {.title = "BRANCHES", .align = Align::right, .yields = 3},
               {.title = "AGE", .align = Align::right, .yields = 1}});
  for (const auto& database : databases) {
    table.add({database.name, fmt::format("{}", database.pg_version), fmt::format("{}", database.branches), age(database.created_at)});
  }
  return table.str(output.screen);
}

std::string snapshot_table(const Output& output, const std::vector<engine::SnapshotView>& snapshots) {
  if (snapshots.empty()) {
    return "There are no snapshots. 'bpg snapshot create SUBJECT --label NAME' takes one.\n";
  }
  Table table({{.title = "SNAPSHOT", .yields = 4},
               {.title = "BRANCH", .yields = 6, .shrink_to = 12},
               {.title = "LABEL", .yields = 5, .shrink_to = 12},
               {.title = "AGE", .align = Align::right, .yields = 3},
               {.title = "CONSISTENCY", .yields = 2},
               {.title = "LSN", .yields = 1}});
  for (const auto& snapshot : snapshots) {
    // No label has parentheses.
    const std::string label = snapshot.scheduled ? "(scheduled)" : snapshot.label.empty() ? "-" : snapshot.label;
    table.add({snapshot.id.str(), snapshot.database + "/" + snapshot.branch, label,
               age(snapshot.created_at), to_string(snapshot.consistency),
               snapshot.stop_lsn ? snapshot.stop_lsn->str() : "-"});
  }
  return table.str(output.screen);
}

std::string schedule_table(const Output& output, const std::vector<engine::ScheduleView>& schedules) {
  Table table({{.title = "BRANCH", .yields = 5, .shrink_to = 12},
               {.title = "KEEP", .yields = 4, .shrink_to = 12},
               {.title = "SNAPSHOTS", .align = Align::right, .yields = 1},
               {.title = "LATEST", .align = Align::right, .yields = 2},
               {.title = "NEXT", .yields = 3}});
  for (const auto& schedule : schedules) {
    const bool due = schedule.due && *schedule.due <= system_clock().now();
    table.add({schedule.subject, schedule.keep ? schedule.keep->str() : "-", fmt::format("{}", schedule.snapshots),
               schedule.latest ? age(*schedule.latest) : "-",
               due ? "with the next tick" : schedule.due ? distance(*schedule.due) : "never"});
  }
  return table.str(output.screen);
}

std::string cleanup_table(const Output& output, const std::vector<engine::CleanUpEntry>& entries) {
  Table table({{.title = "WHAT", .yields = 2},
               {.title = "BRANCH", .yields = 5, .shrink_to = 12},
               {.title = "VOLUME", .yields = 1},
               {.title = "SIZE", .align = Align::right},
               {.title = "CLEAN-UP", .yields = 3},
               {.title = "WHY", .yields = 4, .shrink_to = 12}});
  for (const auto& entry : entries) {
    const bool is_branch = entry.kind == engine::CleanUpEntry::Kind::expired_branch;
    table.add({is_branch ? "expired branch" : fmt::format("left by {}", entry.volume.retired_by), entry.volume.subject,
               entry.volume.volume.str(), unique_size(entry.volume.usage),
               entry.freed ? "freed" : entry.deleted ? "deleted" : "kept", entry.why});
  }
  return table.str(output.screen);
}

std::string settings_table(const Output& output, const engine::SettingsView& view) {
  Table table({{.title = "SETTING", .yields = 4, .shrink_to = 12},
               {.title = "VALUE", .yields = 3, .shrink_to = 8},
               {.title = "SOURCE", .yields = 1},
               {.title = "IN EFFECT", .yields = 2, .shrink_to = 12}});
  for (const auto& setting : view.settings) {
    const std::string source = setting.source == "profile"        ? "profile " + view.profile
                               : setting.source == "default"      ? "betterpg"
                               : setting.source == "alter_system" ? "ALTER SYSTEM"
                                                                  : setting.source;
    const std::string effective = !view.running ? "at the next start" : setting.effective.value_or("-");
    table.add({setting.name, setting.value, source,
               setting.pending_restart ? Table::Cell(effective + " until a restart", Colour::yellow) : Table::Cell(effective)});
  }
  std::string text = fmt::format("{}, {}\n\n{}", view.subject,
                                 view.profile.empty() ? "without a profile" : "profile " + view.profile, table.str(output.screen));
  if (!view.profile_is_known) {
    text += fmt::format("\nThe profile '{}' is no longer in the configuration, and counts for nothing.\n{}",
                        view.profile, next_commands({{"bpg branch set " + view.subject + " --profile NAME", "gives it another"}}));
  }
  return text;
}

std::string next_commands(const std::vector<NextCommand>& commands) {
  size_t width = 0;
  for (const auto& next : commands) {
    width = std::max(width, next.command.size());
  }
  std::string text;
  for (const auto& next : commands) {
    text += fmt::format("  {:<{}}     {}\n", next.command, width, next.effect);
  }
  return text;
}

std::string durability_note(const engine::BranchView& branch) {
  return branch.relaxed ? fmt::format("  its durability is relaxed{}: a power cut may destroy it\n",
                                      branch.profile.empty() ? "" : fmt::format(" (profile {})", branch.profile))
                        : "";
}

std::string status_page(const Output& output, const engine::Status& status) {
  std::string text = fields(output, {{"storage", fmt::format("{} in {}", status.location.driver, status.location.root.string())},
                             {"space", fmt::format("{} free of {}", format_bytes(status.space.free_bytes),
                                                   format_bytes(status.space.total_bytes))}});
  text += "\n" + branch_tree(output, status.branches);
  if (!status.retained.empty()) {
    const bool one = status.retained.size() == 1;
    text += fmt::format("\n{} of reset or deleted branches {} kept; 'bpg cleanup --dry-run' shows {}.\n",
                        one ? "One volume" : fmt::format("{} volumes", status.retained.size()), one ? "is" : "are", one ? "it" : "them");
  }
  for (const auto& late : status.late_archives) {
    text += fmt::format("\nThe WAL of {} is not archived: {} for {}; 'bpg wal info {}' tells more.\n", late.subject,
                        late.waiting == 1 ? "one file waits" : fmt::format("{} files wait, the oldest", late.waiting),
                        format_age(system_clock().now() - late.since), late.subject);
  }
  return text;
}

std::string info_page(const Output& output, const engine::Info& info) {
  auto pairs = branch_fields(info.branch);
  pairs.emplace_back("database", fmt::format("{} (PostgreSQL {}), '{}' inside", info.database.name, info.database.pg_version,
                                             info.database.pg_database));
  if (info.fork_lsn) {
    pairs.emplace_back("forked at", info.fork_lsn->str());
  }
  pairs.emplace_back("socket", info.socket_directory);
  pairs.emplace_back("log", info.log_file);
  std::string text = fields(output, pairs);
  if (!info.children.empty()) {
    text += "\nchildren\n" + branch_tree(output, info.children);
  }
  if (!info.snapshots.empty()) {
    text += "\nsnapshots\n" + snapshot_table(output, info.snapshots);
  }
  if (!info.kept.empty()) {
    Table table({{.title = "VOLUME"},
                 {.title = "LEFT BY", .yields = 1},
                 {.title = "KEPT UNTIL", .yields = 3},
                 {.title = "UNIQUE", .align = Align::right, .yields = 2}});
    for (const auto& volume : info.kept) {
      table.add({volume.volume.str(), volume.retired_by, kept_until(volume), unique_size(volume.usage)});
    }
    text += fmt::format("\nkept volumes ('bpg branch undo {} --to VOLUME' goes back to one)\n", info.branch.subject()) + table.str(output.screen);
  }
  return text;
}

std::string names(const std::vector<engine::BranchView>& branches) {
  return lines_of(branches, [](const auto& branch) { return branch.subject(); });
}
std::string names(const std::vector<engine::DatabaseView>& databases) {
  return lines_of(databases, [](const auto& database) { return database.name; });
}
std::string names(const std::vector<engine::SnapshotView>& snapshots) {
  return lines_of(snapshots, [](const auto& snapshot) { return snapshot.id.str(); });
}

std::string names(const std::vector<engine::HistoryEntry>& entries) {
  return lines_of(entries, [](const auto& entry) { return entry.volume.str(); });
}

std::string history_table(const Output& output, const std::vector<engine::HistoryEntry>& entries) {
  const auto moment = [](Time time) { return to_rfc3339(std::chrono::ceil<std::chrono::seconds>(time)); };
  Table table({{.title = "VOLUME"},
               {.title = "STATE", .yields = 5},
               {.title = "CAME BY", .yields = 4},
               {.title = "SINCE", .yields = 2},
               {.title = "RESTORABLE FROM", .yields = 6},
               {.title = "TO", .yields = 6},
               {.title = "TO LSN", .yields = 1}});
  for (const auto& entry : entries) {
    const auto& range = entry.range;
    table.add({entry.volume.str(), entry.state, entry.came_by, moment(entry.from),
               range            ? moment(range->from)
               : entry.archived ? "-"
                                : "not archived",
               range ? (range->until ? moment(*range->until) : "now") : "-", range ? range->until_lsn.str() : "-"});
  }
  return table.str(output.screen);
}

namespace {

/// An estimate is no better than to the second.
std::string about(std::chrono::microseconds estimated) {
  const auto seconds = std::chrono::round<std::chrono::seconds>(estimated);
  return seconds.count() < 1    ? "less than 1 s"
         : seconds.count() < 60 ? fmt::format("about {} s", seconds.count())
                                : "about " + format_duration(seconds);
}

}  // namespace

std::string restored_lines(const engine::BranchView& branch) { return branch.restored ? restored_lines(*branch.restored) : ""; }

std::string restored_lines(const engine::RestorePlan& plan) {
  std::string text = fmt::format("  as it was {}at {} on timeline {}\n", plan.time ? fmt::format("on {}, ", to_rfc3339(*plan.time)) : "",
                                 plan.end.str(), plan.timeline);
  if (plan.last_record) {
    text += fmt::format("  from base {}, with {} of WAL in {} {}, estimated: {}\n",
                        plan.base.label.empty() ? plan.base.id.str() : plan.base.label, format_bytes(plan.wal_bytes), plan.segments,
                        plan.segments == 1 ? "segment" : "segments", about(plan.estimated));
  }
  return text;
}

std::string about_old_volume(const engine::BranchView& branch, bool freed) {
  if (freed) {
    return "  what it held before is freed\n";
  }
  return "  what it held before is kept\n" +
         next_commands({{"bpg branch undo " + branch.subject(), "goes back to it"}, {"bpg cleanup --now", "frees its space"}});
}

std::string in_time() { return fmt::format("in {}", format_duration(trace().elapsed())); }

}  // namespace bpg::cli
