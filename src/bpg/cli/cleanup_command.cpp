#include <algorithm>

#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/cleanup.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

/// Whether the retention window alone keeps the volume.
bool only_waits(const engine::CleanUpEntry& entry) {
  return entry.kind == engine::CleanUpEntry::Kind::retained_volume && !entry.freed && entry.volume.held_by.empty();
}

std::string summary(const std::vector<engine::CleanUpEntry>& entries, const engine::CleanUp& request) {
  const bool dry_run = request.dry_run;
  uint64_t bytes = 0;
  size_t freed = 0;
  size_t deleted = 0;
  for (const auto& entry : entries) {
    deleted += entry.deleted ? 1 : 0;
    if (entry.freed) {
      ++freed;
      bytes += entry.volume.usage ? entry.volume.usage->unique_bytes : 0;
    }
  }
  std::string text;
  if (deleted > 0) {
    text = fmt::format("{} {} expired {}\n", dry_run ? "would delete" : "deleted", deleted, deleted == 1 ? "branch" : "branches");
  }
  // What volumes share among themselves comes free with the last of them, and is not in the sum.
  text += fmt::format("{} {} of {} {}{}\n", dry_run ? "would free" : "freed", freed, entries.size(), entries.size() == 1 ? "volume" : "volumes",
                      freed > 0 ? ", at least " + format_bytes(bytes) : "");
  if (request.deleted && std::ranges::any_of(entries, only_waits)) {
    text += next_commands({{"bpg cleanup --now", "frees what is in its retention window, too"}});
  }
  return text;
}

/// What --quiet prints: the volumes that were freed, and the branches that were deleted.
std::string done(const std::vector<engine::CleanUpEntry>& entries) {
  std::string lines;
  for (const auto& entry : entries) {
    if (entry.deleted) {
      lines += entry.volume.subject + "\n";
    } else if (entry.freed) {
      lines += entry.volume.volume.str() + "\n";
    }
  }
  return lines;
}

void run(CommandLine& line, const engine::CleanUp& request) {
  if (request.now && !request.dry_run) {
    line.confirm_irreversible(request.expired ? "Delete what has expired for good, and free all that reset, undo and delete have left?"
                                              : "Free all that reset, undo and delete have left, also within its retention window?");
  }
  const auto context = line.open();
  const auto entries = engine::clean_up(*context, request);
  line.output.result(to_json(entries), done(entries),
                     entries.empty() ? (request.deleted ? "Nothing is kept: there is nothing to free.\n" : "Nothing has expired.\n")
                                     : cleanup_table(line.output, entries) + summary(entries, request));
}

}  // namespace

void add_cleanup_command(CLI::App& root, CommandLine& line) {
  auto request = options_of<engine::CleanUp>();
  CLI::App* command = add_command(root, "cleanup", "Free what reset, undo and delete left, and delete what has expired",
                                  "  bpg cleanup --dry-run              what is kept, until when, what it holds, and why\n"
                                  "  bpg cleanup                        frees what no retention window covers any more\n"
                                  "  bpg cleanup --now                  also what is still in its window\n"
                                  "  bpg cleanup --expired              deletes the branches whose time has come\n"
                                  "  bpg cleanup --expired --deleted    both\n");
  command->add_flag("--expired", request->expired, "Delete branches that have expired; their volumes are kept for the retention window");
  command->add_flag("--deleted", request->deleted, "Free volumes whose retention window has passed; so without --expired, too");
  command->add_flag("--now", request->now, "Also what its retention window covers: cannot be undone");
  command->add_flag("--dry-run", request->dry_run, "Only say what would be done");
  command->callback([&line, request] {
    request->deleted = request->deleted || !request->expired;
    line.action = [&line, request] { run(line, *request); };
  });
}

}  // namespace bpg::cli
