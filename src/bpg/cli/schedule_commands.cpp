#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/snapshot_schedule.hpp"
#include "bpg/util/error.hpp"

namespace bpg::cli {

namespace {

constexpr const char* no_schedules = "No branch has a schedule. 'bpg snapshot schedule SUBJECT --keep daily=7' gives it one.\n";

std::string names(const std::vector<engine::ScheduleView>& schedules) {
  std::string text;
  for (const auto& schedule : schedules) {
    text += schedule.subject + "\n";
  }
  return text;
}

/// What is said of one branch, as it is now.
std::string page(const Output& output, const engine::ScheduleView& schedule) {
  if (schedule.keep) {
    return schedule_table(output, {schedule});
  }
  std::string text = fmt::format("{} has no schedule\n", schedule.subject);
  if (schedule.snapshots > 0) {
    text += next_commands({{"bpg snapshot list " + schedule.subject,
                            fmt::format("shows its snapshots; {} of an earlier schedule {}", schedule.snapshots,
                                        schedule.snapshots == 1 ? "stays" : "stay")}});
  }
  return text;
}

struct Options {
  std::string subject;
  std::string keep;
  bool none = false;
};

void run_schedule(CommandLine& line, const Options& options, bool keep_given) {
  if (options.subject.empty()) {
    if (keep_given || options.none) {
      throw Error(ErrorCode::usage, "name the branch", "'bpg status' lists the branches.");
    }
    const auto context = line.open();
    const auto schedules = engine::list_schedules(*context);
    line.output.result(to_json(schedules), names(schedules),
                       schedules.empty() ? no_schedules : schedule_table(line.output, schedules));
    return;
  }
  const Subject subject = line.subject(options.subject);
  const Retention keep = keep_given ? Retention::parse(options.keep) : Retention{};
  const auto context = line.open();
  const auto schedule = keep_given     ? engine::set_schedule(*context, subject, keep)
                        : options.none ? engine::remove_schedule(*context, subject)
                                       : engine::get_schedule(*context, subject);
  std::string text = page(line.output, schedule);
  if (keep_given) {
    text += "\n" + next_commands({{"bpg snapshot tick", "takes what is due; betterpg-snapshot.timer or cron runs it every hour"}});
  }
  line.output.result(to_json(schedule), schedule.subject, text);
}

void add_schedule(CLI::App& group, CommandLine& line) {
  auto options = options_of<Options>();
  Command* command = add_command(group, "schedule", "Say which snapshots of a branch 'bpg snapshot tick' makes and keeps",
                                 "  bpg snapshot schedule app/main --keep hourly=24,daily=7,weekly=4,monthly=6\n"
                                 "  bpg snapshot schedule app/main           what it is, and when the next is due\n"
                                 "  bpg snapshot schedule                    those of all branches\n"
                                 "  bpg snapshot schedule app/main --none    none any more; its snapshots stay\n");
  command->details =
      "The finest unit says how often one is made. Each unit keeps the newest of each of its last periods, and one that no unit "
      "keeps is deleted. Snapshots that somebody made are never deleted by it. Hours, days, weeks (from Monday on) and months are those of UTC.";
  command->add_option("subject", options->subject, "DATABASE/BRANCH; without it, all that have a schedule")->type_name("SUBJECT");
  CLI::Option* keep = command->add_option("--keep", options->keep, "How many of each of hourly, daily, weekly, monthly")->type_name("UNIT=N,...");
  command->add_flag("--none", options->none, "Take the schedule away")->excludes(keep);
  command->callback([&line, options, keep] {
    line.action = [&line, options, keep] { run_schedule(line, *options, keep->count() > 0); };
  });
}

std::string of(const engine::SnapshotView& snapshot) {
  const auto moment = std::chrono::floor<std::chrono::seconds>(snapshot.created_at);
  return fmt::format("{} of {}/{} from {}", snapshot.id.str(), snapshot.database, snapshot.branch, to_rfc3339(moment));
}

std::string lines(const engine::TickEntry& entry, bool dry_run) {
  std::string text;
  if (!entry.held.empty()) {
    text += fmt::format("left {} alone: {}\n", entry.subject, entry.held);
  }
  if (entry.made) {
    text += fmt::format("took {}\n", of(*entry.made));
  } else if (dry_run && entry.due) {
    text += fmt::format("would take one of {}\n", entry.subject);
  }
  if (dry_run) {
    for (const auto& kept : entry.kept) {
      std::vector<std::string> units;
      for (const RetentionUnit unit : kept.kept_by) {
        units.emplace_back(to_string(unit));
      }
      text += fmt::format("would keep {}: {}\n", of(kept.snapshot), fmt::join(units, ", "));
    }
  }
  for (const auto& deleted : entry.deleted) {
    text += fmt::format("{} {}: no unit keeps it", dry_run ? "would delete" : "deleted", of(deleted.snapshot));
    if (!deleted.needed_by.empty()) {
      text += fmt::format("; its space is freed when these are gone: {}", fmt::join(deleted.needed_by, ", "));
    }
    text += "\n";
  }
  return text;
}

/// The failures of all branches as one.
std::optional<Error> failure_of(const std::vector<engine::TickEntry>& entries) {
  std::optional<Error> failure;
  for (const auto& entry : entries) {
    if (entry.failure) {
      failure = failure ? Error(failure->code(), fmt::format("{}; {}", failure->message(), entry.failure->message()), failure->hint())
                        : *entry.failure;
    }
  }
  return failure;
}

void run_tick(CommandLine& line, bool dry_run) {
  const auto context = line.open();
  const auto entries = engine::tick(*context, dry_run);
  std::string text;
  std::string made;
  for (const auto& entry : entries) {
    text += lines(entry, dry_run);
    made += entry.made ? entry.made->id.str() + "\n" : "";
  }
  const auto failure = failure_of(entries);
  if (text.empty() && !failure) {
    text = entries.empty() ? no_schedules : "There is nothing to do.\n";
  }
  line.output.result(to_json(entries), made, text);
  if (failure) {
    throw *failure;
  }
}

void add_tick(CLI::App& group, CommandLine& line) {
  auto dry_run = options_of<bool>();
  Command* command = add_command(group, "tick", "Make the scheduled snapshots that are due, and delete those that no schedule keeps",
                                 "  bpg snapshot tick --dry-run    what would be made, kept and deleted, and why\n"
                                 "  bpg snapshot tick              does it\n");
  command->details =
      "To be run at least as often as the finest unit of any schedule, by betterpg-snapshot.timer or cron; oftener does no harm. "
      "Where a branch's snapshot cannot be made, none of it is deleted, the other branches have their turn, and the exit status "
      "tells it.";
  command->add_flag("--dry-run", *dry_run, "Only say what would be done");
  command->callback([&line, dry_run] { line.action = [&line, dry_run] { run_tick(line, *dry_run); }; });
}

}  // namespace

void add_schedule_commands(CLI::App& group, CommandLine& line) {
  add_schedule(group, line);
  add_tick(group, line);
}

}  // namespace bpg::cli
