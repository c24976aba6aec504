#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/branch_history.hpp"
#include "bpg/engine/branches.hpp"
#include "bpg/engine/restore_point.hpp"
#include "bpg/util/shell.hpp"

namespace bpg::cli {

namespace {

void add_restore(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    engine::RestoreBranch request;
    std::string timezone;
  };
  auto options = options_of<Options>();
  Command* command = add_command(group, "restore", "Take a branch back to a moment of its own history; its URL stays",
                                 "  bpg branch restore app/main --at \"10 minutes ago\"\n"
                                 "  bpg branch restore app/main --at 2026-10-07T14:30:00Z\n"
                                 "  bpg branch restore app/main --at @before-v2          a restore point\n"
                                 "  bpg branch undo app/main                             and back\n",
                                 {ErrorCode::refused});
  command->details =
      "It lands exactly there, or nothing changes: 'bpg help moments' tells what a moment can be. What the branch held before is "
      "kept for the retention window, and 'bpg branch undo' goes back to it. To look first, make a branch of that moment: "
      "'bpg branch create DATABASE/NAME --from SUBJECT --at MOMENT'.";
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->add_option("--at", options->request.at, "The moment, or one of its snapshots")->required()->type_name("MOMENT");
  add_timezone_option(*command, options->timezone);
  command->add_flag("--now", options->request.now, "Free the old volume at once: cannot be undone");
  command->callback([&line, options] {
    line.action = [&line, options] {
      options->request.subject = line.subject(options->subject);
      if (options->request.now) {
        line.confirm_irreversible(fmt::format("Throw the present state of {} away for good?", options->request.subject.str()));
      }
      const auto context = line.open_at(options->timezone);
      const auto branch = engine::restore_branch(*context, options->request);
      line.output.result(to_json(branch), branch.subject(),
                         fmt::format("restored {} to {} {}\n{}{}", branch.subject(), options->request.at, in_time(), restored_lines(branch),
                                     about_old_volume(branch, options->request.now)));
    };
  });
}

void add_history(CLI::App& group, CommandLine& line) {
  auto subject = options_of<std::string>();
  Command* command = add_command(group, "history", "Show the volumes that a branch was on, and what of each can be restored",
                                 "  bpg branch history app/main\n");
  command->details =
      "Newest first. RESTORABLE FROM and TO are the moments that 'bpg branch restore' and --at take; without TO up to now. What is "
      "kept only for the retention window goes with 'bpg cleanup'.";
  command->add_option("subject", *subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const Subject of = line.subject(*subject);
      const auto context = line.open();
      const auto entries = engine::branch_history(*context, of);
      line.output.result(to_json(entries), names(entries), history_table(line.output, entries));
    };
  });
}

void add_restore_point(CLI::App& root, CommandLine& line) {
  CLI::App* group = add_group(root, "restore-point", "Name the present moment of a branch, to come back to it");
  struct Options {
    std::string subject;
    std::string name;
  };
  auto options = options_of<Options>();
  Command* command = add_command(*group, "create", "Write a restore point into the WAL of a branch",
                                 "  bpg restore-point create app/main before-v2\n"
                                 "  bpg branch create app/look --from app/main --at @before-v2\n",
                                 {ErrorCode::refused, ErrorCode::already_exists});
  command->details = "It costs a few bytes, where a snapshot keeps what changes from then on; to come back to it takes the recovery of what lies "
                     "between the base and it.";
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->add_option("name", options->name, "Its name, up to 63 bytes")->required()->type_name("NAME");
  command->callback([&line, options] {
    line.action = [&line, options] {
      const Subject subject = line.subject(options->subject);
      const auto context = line.open();
      const auto point = engine::create_restore_point(*context, subject, options->name);
      line.output.result(to_json(point), point.lsn.str(),
                         fmt::format("restore point @{} of {} is at {}\n", point.name, point.subject, point.lsn.str()) +
                             next_commands({{fmt::format("bpg branch restore {} --at @{}", point.subject, shell_quoted(point.name)), "comes back to it"}}));
    };
  });
}

}  // namespace

void add_branch_restore_commands(CLI::App& group, CommandLine& line) {
  add_restore(group, line);
  add_history(group, line);
}

void add_restore_point_commands(CLI::App& root, CommandLine& line) { add_restore_point(root, line); }

}  // namespace bpg::cli
