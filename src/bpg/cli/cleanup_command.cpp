#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/cleanup.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

std::string summary(const std::vector<engine::CleanUpEntry>& entries, bool dry_run) {
  uint64_t bytes = 0;
  size_t freed = 0;
  for (const auto& entry : entries) {
    if (entry.freed) {
      ++freed;
      bytes += entry.volume.usage ? entry.volume.usage->unique_bytes : 0;
    }
  }
  // What volumes share among themselves comes free with the last of them, and is not in the sum.
  return fmt::format("{} {} of {} volumes, at least {}\n", dry_run ? "would free" : "freed", freed, entries.size(), format_bytes(bytes));
}

void run(CommandLine& line, const engine::CleanUp& request) {
  if (request.now && !request.dry_run) {
    line.confirm_irreversible("Free all that reset, undo and delete have left, also within its retention window?");
  }
  const auto context = line.open();
  const auto entries = engine::clean_up(*context, request);
  std::string freed;
  for (const auto& entry : entries) {
    if (entry.freed) {
      freed += entry.volume.volume.str() + "\n";
    }
  }
  line.output.result(to_json(entries), freed,
                     entries.empty() ? "Nothing is kept: there is nothing to free.\n"
                                     : cleanup_table(line.output, entries) + summary(entries, request.dry_run));
}

}  // namespace

void add_cleanup_command(CLI::App& root, CommandLine& line) {
  auto request = options_of<engine::CleanUp>();
  CLI::App* command = add_command(root, "cleanup", "Free what reset, undo and delete left, once its retention window has passed",
                                  "  bpg cleanup --dry-run      what is kept, until when, and what it holds\n"
                                  "  bpg cleanup\n"
                                  "  bpg cleanup --now          also what is still in its window\n");
  command->add_flag("--now", request->now, "Also what its retention window still covers: cannot be undone");
  command->add_flag("--dry-run", request->dry_run, "Only say what would be freed");
  command->callback([&line, request] { line.action = [&line, request] { run(line, *request); }; });
}

}  // namespace bpg::cli
