#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/cli/wal_text.hpp"
#include "bpg/util/error.hpp"

namespace bpg::cli {

namespace {

constexpr const char* no_archives = "No branch has an archive of its WAL.\n";

template <class Entry>
std::string volumes(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) {
    text += entry.volume.str() + "\n";
  }
  return text;
}

void add_info(CLI::App& group, CommandLine& line) {
  auto subject = options_of<std::string>();
  Command* command = add_command(group, "info", "Show what the WAL archives of branches hold, what is missing, and what waits",
                                 "  bpg wal info app/main      its present volume, and those that are kept\n"
                                 "  bpg wal info               all branches whose WAL is archived\n");
  command->details = "WAL is its size as PostgreSQL writes it, STORED what it takes. Gaps count from the oldest base on from which "
                     "moments can be restored. ARCHIVED is when the server last archived something: an idle one has nothing to archive.";
  command->add_option("subject", *subject, "DATABASE/BRANCH; without it, all that are archived")->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const auto of = subject->empty() ? std::nullopt : std::optional(line.subject(*subject));
      const auto context = line.open();
      const auto views = engine::wal_info(*context, of);
      line.output.result(to_json(views), volumes(views), views.empty() ? no_archives : wal_table(line.output, views));
    };
  });
}

/// What is wrong, as an error; nothing where nothing is.
std::optional<Error> failure_of(const std::vector<engine::VerifiedWal>& verified) {
  std::string where;
  for (const auto& each : verified) {
    if (!each.findings.empty()) {
      where += fmt::format("{}{} of {}", where.empty() ? "" : ", ", each.volume.str(), each.subject);
    }
  }
  if (where.empty()) {
    return std::nullopt;
  }
  return Error(ErrorCode::storage, fmt::format("not all of the archived WAL is right: {}", where),
               "'bpg branch history' shows what can be restored; 'bpg snapshot create' makes a new base, from which on it does not matter.");
}

void add_verify(CLI::App& group, CommandLine& line) {
  auto request = options_of<engine::VerifyWal>();
  auto subject = options_of<std::string>();
  Command* command = add_command(group, "verify", "Look for damage and gaps in the archived WAL",
                                 "  bpg wal verify app/main           the index entry of each file, and gaps\n"
                                 "  bpg wal verify app/main --deep    all of it: uncompressed, hashed, every record read\n"
                                 "  bpg wal verify                    all archives, also of volumes that are kept\n",
                                 {ErrorCode::refused});
  command->details = "Servers go on meanwhile. What is wrong is listed, and the exit status tells that something is. 'wal.jobs' of the "
                     "configuration says how many files it reads at a time.";
  command->add_option("subject", *subject, "DATABASE/BRANCH, with its kept volumes; without it, all")->type_name("SUBJECT");
  command->add_flag("--deep", request->deep, "Uncompress everything, compare hashes, and read each record");
  command->callback([&line, request, subject] {
    line.action = [&line, request, subject] {
      if (!subject->empty()) {
        request->subject = line.subject(*subject);
      }
      const auto context = line.open();
      const auto verified = engine::verify_wal(*context, *request);
      line.output.result(to_json(verified), volumes(verified), verified.empty() ? no_archives : wal_findings(verified));
      if (const auto failure = failure_of(verified)) {
        throw *failure;
      }
    };
  });
}

/// What could not be cleaned up, as an error; nothing where all was.
std::optional<Error> failure_of(const std::vector<engine::WalCleanUpEntry>& entries) {
  std::string what;
  for (const auto& entry : entries) {
    if (!entry.problem.empty()) {
      what += fmt::format("{}{}: {}", what.empty() ? "" : "; ", entry.subject, entry.problem);
    }
  }
  if (what.empty()) {
    return std::nullopt;
  }
  return Error(ErrorCode::failure, fmt::format("not all of the archived WAL could be cleaned up: {}", what),
               "The other branches were. 'bpg wal info' shows what each archive holds.");
}

struct CleanUpOptions {
  std::string subject;
  bool all = false;
  bool keep_snapshots = false;
  int days = 0;
  bool dry_run = false;
};

void run_cleanup(CommandLine& line, const CleanUpOptions& options, bool days_given) {
  if (options.subject.empty() && !options.all) {
    throw Error(ErrorCode::usage, "name a branch, or say --all", "'bpg wal info' lists the branches whose WAL is archived.");
  }
  engine::CleanUpWal request{.dry_run = options.dry_run};
  if (!options.subject.empty()) {
    request.subject = line.subject(options.subject);
  }
  if (days_given) {
    request.window = std::chrono::days(options.days);
  }
  if (!options.dry_run) {
    line.confirm_irreversible(fmt::format("Remove archived WAL of {} for good? Moments before then cannot be restored any more.",
                                          request.subject ? request.subject->str() : "all branches"));
  }
  const auto context = line.open();
  const auto entries = engine::clean_up_wal(*context, request);
  auto cut = entries;
  std::erase_if(cut, [](const engine::WalCleanUpEntry& entry) { return entry.segments == 0; });
  line.output.result(to_json(entries), volumes(cut),
                     entries.empty() ? no_archives : wal_cleanup_table(line.output, entries, options.dry_run));
  if (const auto failure = failure_of(entries)) {
    throw *failure;
  }
}

void add_cleanup(CLI::App& group, CommandLine& line) {
  auto options = options_of<CleanUpOptions>();
  Command* command = add_command(group, "cleanup", "Remove archived WAL that nothing needs any more",
                                 "  bpg wal cleanup app/main --dry-run    what would go, and what holds the rest\n"
                                 "  bpg wal cleanup app/main              what is older than its oldest snapshot\n"
                                 "  bpg wal cleanup --all --days 7        any moment of the last week stays restorable\n",
                                 {ErrorCode::refused});
  command->details =
      "Without --days it does as with --keep-snapshots. Recovery begins at a base: a snapshot, or what the branch was when it was made. "
      "WAL goes only up to such a base, so that what is kept has no gap. Snapshots stay, whatever goes. Volumes that are kept for the retention "
      "window are left alone: 'bpg cleanup' frees them with their WAL. With --all, a branch that fails does not keep the others from being cleaned "
      "up, and the exit status is 1. It cannot be undone.";
  CLI::Option* subject = command->add_option("subject", options->subject, "DATABASE/BRANCH")->type_name("SUBJECT");
  command->add_flag("--all", options->all, "Of all branches")->excludes(subject);
  CLI::Option* days = command->add_option("--days", options->days, "Keep what is needed to restore any moment of the last N days")
                          ->type_name("N")
                          ->check(CLI::Range(0, 36'500).description(""));
  command->add_flag("--keep-snapshots", options->keep_snapshots,
                    "Keep all since the oldest snapshot that somebody or a schedule made (the default); without one, everything")
      ->excludes(days);
  command->add_flag("--dry-run", options->dry_run, "Only say what would go");
  command->callback([&line, options, days] {
    line.action = [&line, options, days] { run_cleanup(line, *options, days->count() > 0); };
  });
}

}  // namespace

void add_wal_commands(CLI::App& root, CommandLine& line) {
  CLI::App* group = add_group(root, "wal", "Look at the archived WAL, check it, and remove what nothing needs");
  add_info(*group, line);
  add_verify(*group, line);
  add_cleanup(*group, line);
}

}  // namespace bpg::cli
