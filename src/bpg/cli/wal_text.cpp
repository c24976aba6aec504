#include "bpg/cli/wal_text.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/clock.hpp"
#include "bpg/util/display.hpp"
#include "bpg/util/table.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

using Align = Table::Align;

std::string begin(Time time) { return to_rfc3339(std::chrono::ceil<std::chrono::seconds>(time)); }
std::string end(Time time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }
std::string age(Time since) { return format_age(system_clock().now() - since); }
std::string segments(uint64_t number) { return fmt::format("{} {}", number, number == 1 ? "segment" : "segments"); }

std::string ratio(const engine::WalView& view) {
  return view.stored_bytes == 0 ? "-" : fmt::format("{:.1f}", static_cast<double>(view.bytes) / static_cast<double>(view.stored_bytes));
}

/// What the table has no place for, or what is wrong.
std::string remarks(const engine::WalView& view) {
  std::string text;
  const std::string of = view.state == "present" ? view.subject : fmt::format("{} of {}", view.volume.str(), view.subject);
  const auto add = [&](const std::string& words) { text += fmt::format("{}: {}\n", of, words); };
  if (!view.archived) {
    add("its WAL is not archived");
    return text;
  }
  if (!view.problem.empty()) {
    add(printable(view.problem));
  }
  for (const engine::WalGap& gap : view.gaps) {
    add(gap.segments == 1 ? fmt::format("{} is missing", gap.first)
                          : fmt::format("{} to {} are missing, {}", gap.first, gap.last, segments(gap.segments)));
  }
  if (view.damaged > 0) {
    add(fmt::format("{} damaged; 'bpg wal verify {}' names {}", view.damaged == 1 ? "one file is" : fmt::format("{} files are", view.damaged),
                    view.subject, view.damaged == 1 ? "it" : "them"));
  }
  if (view.waiting > 0) {
    add(fmt::format("{} {} to be archived", segments(view.waiting), view.waiting == 1 ? "waits" : "wait"));
  }
  if (view.last_failure) {
    add(fmt::format("archiving {} failed {} ago{}", printable(view.last_failure->file), age(view.last_failure->at),
                    view.last_failure->current ? fmt::format(", and nothing has been archived since; 'bpg logs {}' tells why", view.subject)
                                               : ", and went on since"));
  }
  return text;
}

}  // namespace

std::string wal_table(const Output& output, const std::vector<engine::WalView>& views) {
  Table table({{.title = "BRANCH", .yields = 8, .shrink_to = 12},
               {.title = "VOLUME", .yields = 2},
               {.title = "SEGMENTS", .align = Align::right, .yields = 5},
               {.title = "WAL", .align = Align::right, .yields = 4},
               {.title = "STORED", .align = Align::right, .yields = 7},
               {.title = "RATIO", .align = Align::right, .yields = 3},
               {.title = "CODEC", .yields = 1},
               {.title = "RESTORABLE FROM", .yields = 6},
               {.title = "TO", .yields = 6},
               {.title = "ARCHIVED", .align = Align::right, .yields = 2}});
  std::string text;
  for (const auto& view : views) {
    if (view.archived) {
      table.add({view.subject, view.volume.str(), fmt::format("{}", view.segments), format_bytes(view.bytes),
                 format_bytes(view.stored_bytes), ratio(view),
                 view.codecs.empty() ? std::string("-") : fmt::format("{}", fmt::join(view.codecs, ",")),
                 view.range ? begin(view.range->from) : "-",
                 !view.range ? "-" : view.range->until ? end(*view.range->until) : "now",
                 view.last_archived_at ? age(*view.last_archived_at) + " ago" : "-"});
    }
    text += remarks(view);
  }
  const bool any = std::ranges::any_of(views, &engine::WalView::archived);
  return (any ? table.str(output.screen) : "") + (any && !text.empty() ? "\n" : "") + text;
}

std::string wal_findings(const std::vector<engine::VerifiedWal>& verified) {
  std::string text;
  for (const auto& each : verified) {
    text += fmt::format("{} {}: {} {}, {}\n", each.subject, each.volume.str(), each.files, each.files == 1 ? "file" : "files",
                        each.findings.empty() ? std::string("nothing is wrong") : fmt::format("{} wrong", each.findings.size()));
    for (const auto& finding : each.findings) {
      text += fmt::format("  {}{}\n", finding.file.empty() ? "" : finding.file + ": ", printable(finding.problem));
    }
  }
  return text;
}

std::string wal_cleanup_table(const Output& output, const std::vector<engine::WalCleanUpEntry>& entries, bool dry_run) {
  Table table({{.title = "BRANCH", .yields = 5, .shrink_to = 12},
               {.title = "VOLUME", .yields = 1},
               {.title = dry_run ? "WOULD GO" : "REMOVED", .align = Align::right},
               {.title = "SIZE", .align = Align::right},
               {.title = "RESTORABLE FROM", .yields = 4},
               {.title = "WHY", .yields = 3, .shrink_to = 12}});
  std::string lost;
  uint64_t total = 0;
  uint64_t bytes = 0;
  for (const auto& entry : entries) {
    table.add({entry.subject, entry.volume.str(), fmt::format("{}", entry.segments), format_bytes(entry.bytes),
               entry.restorable_from ? begin(*entry.restorable_from) : "-", entry.problem.empty() ? entry.why : "it failed"});
    total += entry.segments;
    bytes += entry.bytes;
    for (const auto& each : entry.given_up) {
      lost += fmt::format("{}: snapshot {} stays; moments between it, {}, and {} {}\n", entry.subject,
                          each.label.empty() ? each.snapshot.str() : "'" + each.label + "'", end(each.from), begin(each.until),
                          dry_run ? "could not be restored any more" : "cannot be restored any more");
    }
  }
  return table.str(output.screen) + lost +
         fmt::format("{} {}, {}\n", dry_run ? "would remove" : "removed", segments(total), format_bytes(bytes));
}

}  // namespace bpg::cli
