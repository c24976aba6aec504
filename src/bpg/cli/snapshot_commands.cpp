#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/snapshots.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

std::string title_of(const engine::SnapshotView& snapshot) {
  return snapshot.label.empty() ? snapshot.id.str()
                                : fmt::format("{}/{}@{}", snapshot.database, snapshot.branch, snapshot.label);
}

std::string deletion_lines(const std::vector<engine::DeletedSnapshot>& deleted, bool dry_run) {
  std::string text;
  for (const auto& entry : deleted) {
    text += fmt::format("{} {}", dry_run ? "would delete" : "deleted", title_of(entry.snapshot));
    if (!entry.needed_by.empty()) {
      text += fmt::format("; its space is freed when these are gone: {}", fmt::join(entry.needed_by, ", "));
    }
    text += "\n";
  }
  return text;
}

std::string ids(const std::vector<engine::DeletedSnapshot>& deleted) {
  std::string text;
  for (const auto& entry : deleted) {
    text += entry.snapshot.id.str() + "\n";
  }
  return text;
}

void add_create(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    engine::CreateSnapshot request;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "create", "Freeze the present state of a branch",
                                  "  bpg snapshot create app/main --label before-v2\n",
                                  {ErrorCode::already_exists, ErrorCode::refused});
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->add_option("--label", options->request.label, "A name for it")->type_name("NAME");
  command->add_flag("--fast", options->request.fast, "No checkpoint: crash-consistent; atomic storage only");
  command->callback([&line, options] {
    line.action = [&line, options] {
      options->request.subject = line.subject(options->subject);
      const auto context = line.open();
      const auto snapshot = engine::create_snapshot(*context, options->request);
      const std::string at = fmt::format("{}/{}@{}", snapshot.database, snapshot.branch,
                                         snapshot.label.empty() ? snapshot.id.str() : snapshot.label);
      line.output.result(to_json(snapshot), snapshot.id.str(),
                         fmt::format("took snapshot {} of {} {}\n  bpg branch create {}/NAME --from {}\n", snapshot.id.str(),
                                     options->request.subject.str(), in_time(), snapshot.database, at));
    };
  });
}

void add_list(CLI::App& group, CommandLine& line) {
  auto subject = options_of<std::string>();
  CLI::App* command = add_command(group, "list", "List snapshots", "  bpg snapshot list app/main\n");
  command->add_option("subject", *subject, "Only this branch's")->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const auto context = line.open();
      const auto snapshots = engine::list_snapshots(*context, subject->empty() ? std::nullopt : std::optional(line.subject(*subject)));
      line.output.result(to_json(snapshots), names(snapshots), snapshot_table(line.output, snapshots));
    };
  });
}

void add_get(CLI::App& group, CommandLine& line) {
  auto reference = options_of<std::string>();
  CLI::App* command = add_command(group, "get", "Show one snapshot", "  bpg snapshot get app/main@before-v2\n");
  command->add_option("snapshot", *reference, "snap_… or SUBJECT@LABEL")->required()->type_name("SNAPSHOT");
  command->callback([&line, reference] {
    line.action = [&line, reference] {
      const auto context = line.open();
      const auto snapshot = engine::get_snapshot(*context, line.snapshot_reference(*reference));
      line.output.result(to_json(snapshot), snapshot.id.str(), snapshot_table(line.output, {snapshot}));
    };
  });
}

void add_delete(CLI::App& group, CommandLine& line) {
  auto reference = options_of<std::string>();
  CLI::App* command = add_command(group, "delete", "Delete a snapshot; branches cut from it stay",
                                  "  bpg snapshot delete app/main@before-v2\n");
  command->add_option("snapshot", *reference, "snap_… or SUBJECT@LABEL")->required()->type_name("SNAPSHOT");
  command->callback([&line, reference] {
    line.action = [&line, reference] {
      const auto context = line.open();
      const auto deleted = engine::delete_snapshot(*context, line.snapshot_reference(*reference));
      line.output.result(to_json(deleted), deleted.snapshot.id.str(), deletion_lines({deleted}, false));
    };
  });
}

void add_cleanup(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    bool all = false;
    int keep = 0;
    std::string older_than;
    bool dry_run = false;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "cleanup", "Delete snapshots by number and age",
                                  "  bpg snapshot cleanup app/main --keep 5                        all but the newest five\n"
                                  "  bpg snapshot cleanup --all --older-than 30d --dry-run         what that would delete\n");
  CLI::Option* subject = command->add_option("subject", options->subject, "Only this branch's")->type_name("SUBJECT");
  command->add_flag("--all", options->all, "Of all branches")->excludes(subject);
  CLI::Option* keep = command->add_option("--keep", options->keep, "Keep the newest N of each branch")->type_name("N")->check(CLI::NonNegativeNumber);
  command->add_option("--older-than", options->older_than, "Only those older than this, such as 30d")->type_name("AGE");
  command->add_flag("--dry-run", options->dry_run, "Only say what would be deleted");
  command->callback([&line, options, keep] {
    line.action = [&line, options, keep] {
      if (options->subject.empty() && !options->all) {
        throw Error(ErrorCode::usage, "name a branch, or say --all", "'bpg status' lists the branches.");
      }
      engine::CleanUpSnapshots request{.dry_run = options->dry_run};
      if (!options->subject.empty()) {
        request.subject = line.subject(options->subject);
      }
      if (keep->count() > 0) {
        request.keep = static_cast<size_t>(options->keep);
      }
      if (!options->older_than.empty()) {
        request.older_than = parse_duration(options->older_than);
        if (!request.older_than) {
          throw Error(ErrorCode::usage, fmt::format("'{}' is not an age", options->older_than), "Say it like 30d, 12h or 1h30m.");
        }
      }
      if (!request.keep && !request.older_than) {
        throw Error(ErrorCode::usage, "say which may go", "Use --keep N, --older-than AGE, or both.");
      }
      const auto context = line.open();
      const auto deleted = engine::clean_up_snapshots(*context, request);
      line.output.result(to_json(deleted), ids(deleted),
                         deleted.empty() ? "There is nothing to delete.\n" : deletion_lines(deleted, request.dry_run));
    };
  });
}

}  // namespace

void add_snapshot_commands(CLI::App& root, CommandLine& line) {
  CLI::App* group = add_group(root, "snapshot", "Take, list and delete snapshots, also by a schedule");
  add_create(*group, line);
  add_list(*group, line);
  add_get(*group, line);
  add_delete(*group, line);
  add_cleanup(*group, line);
  add_schedule_commands(*group, line);
}

}  // namespace bpg::cli
