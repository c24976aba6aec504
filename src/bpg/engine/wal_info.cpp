#include "bpg/engine/wal_info.hpp"

#include <algorithm>
#include <set>

#include "bpg/engine/archived_wal.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/waiting_wal.hpp"
#include "bpg/util/error.hpp"
#include "bpg/wal/gaps.hpp"
#include "bpg/wal/lines.hpp"

namespace bpg::engine {

namespace {

void read_files(const ArchivedWal& wal, WalView& view) {
  std::set<std::string> codecs;
  view.segment_bytes = wal.index.segment_size();
  for (const auto& [name, entry] : wal.index.entries()) {
    view.bytes += entry.head.size;
    view.stored_bytes += entry.stored_size;
    if (entry.head.name.kind == wal::FileKind::segment) {
      ++view.segments;
      codecs.emplace(wal::to_string(entry.head.codec));
      view.first_segment = view.first_segment.value_or(name);
      view.last_segment = name;
    }
  }
  view.codecs.assign(codecs.begin(), codecs.end());
  view.damaged = wal.index.damaged().size();
}

std::optional<Time> to_time(const std::optional<std::string>& microseconds) {
  const auto number = microseconds ? wal::parse_number<int64_t>(*microseconds) : std::nullopt;
  return number ? std::optional(Time(std::chrono::microseconds(*number))) : std::nullopt;
}

void ask_server(const Context& context, const Branch& branch, WalView& view) {
  if (!server_status(context, view.volume).ready) {
    return;
  }
  postgres::Session session(admin_endpoint(context, branch, view.volume));
  const auto row = session.query(
      "SELECT (extract(epoch FROM last_archived_time) * 1000000)::bigint, last_failed_wal, "
      "(extract(epoch FROM last_failed_time) * 1000000)::bigint FROM pg_stat_archiver").at(0);
  view.last_archived_at = to_time(row[0]);
  if (const auto failed_at = to_time(row[2])) {
    view.last_failure = ArchiveFailure{.file = row[1].value_or(""),
                                       .at = *failed_at,
                                       .current = !view.last_archived_at || *failed_at > *view.last_archived_at};
  }
}

/// Something that is damaged or does not answer hides nothing but itself.
template <class Look>
void look(WalView& view, Look&& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) {
      throw;
    }
    view.problem = view.problem.empty() ? error.message() : view.problem + "; " + error.message();
  }
}

WalView view_wal(const Context& context, const Branch& branch, const Stay& stay) {
  const Volume& volume = stay.volume;
  const bool present = branch.volume == volume.id;
  WalView view{.subject = subject_of(context.catalog, volume.branch),
               .volume = volume.id,
               .state = present ? "present" : "kept",
               .archived = volume.archived};
  if (!volume.archived) {
    return view;
  }
  look(view, [&] {
    const ArchivedWal wal = read_archived_wal(context, volume);
    read_files(wal, view);
    const auto bases = without_removed(bases_of(context, volume), wal.index.segment_size(), wal.kept_from);
    view.gaps = to_gaps(gaps_after(bases, wal), wal.index.segment_size());
    view.range = restorable_range(context, stay, wal);
  });
  view.waiting = waiting_wal(data_directory(context, volume.id)).files;
  if (present) {
    look(view, [&] { ask_server(context, branch, view); });
  }
  return view;
}

/// The last stay on each volume of a branch that is still there, newest first.
std::vector<Stay> stays_with_files(const Context& context, const Branch& branch) {
  std::vector<Stay> stays;
  const auto all = stays_of(context, branch);
  for (auto stay = all.rbegin(); stay != all.rend(); ++stay) {
    const bool has_files = stay->volume.state == State::ready || stay->volume.state == State::retired;
    if (has_files && std::ranges::none_of(stays, [&](const Stay& newer) { return newer.volume.id == stay->volume.id; })) {
      stays.push_back(*stay);
    }
  }
  return stays;
}

}  // namespace

std::vector<WalGap> to_gaps(const std::vector<wal::Range>& ranges, uint64_t segment_size) {
  std::vector<WalGap> gaps;
  for (const wal::Range& range : ranges) {
    gaps.push_back({.first = segment_name(range.timeline, range.first, segment_size),
                    .last = segment_name(range.timeline, range.last, segment_size),
                    .segments = range.last - range.first + 1});
  }
  return gaps;
}

std::vector<WalView> wal_info(const Context& context, const std::optional<Subject>& subject) {
  std::vector<WalView> views;
  if (subject) {
    const BranchRef branch = find_branch(context, *subject);
    for (const Stay& stay : stays_with_files(context, branch.branch)) {
      views.push_back(view_wal(context, branch.branch, stay));
    }
    return views;
  }
  for (const Branch& branch : context.catalog.branches.list_live()) {
    const auto stays = stays_with_files(context, branch);
    if (branch.state == State::ready && !stays.empty() && stays.front().volume.id == branch.volume && stays.front().volume.archived) {
      views.push_back(view_wal(context, branch, stays.front()));
    }
  }
  return views;
}

}  // namespace bpg::engine
