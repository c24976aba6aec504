#include "bpg/engine/branch_history.hpp"

#include <algorithm>

#include "bpg/engine/archived_wal.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/postgres/control_file.hpp"
#include "bpg/util/error.hpp"
#include "bpg/wal/index.hpp"

namespace bpg::engine {

namespace {

/// The end of the last record of the volume's timeline that can be replayed from `from` on, and the latest commit before.
struct Archived {
  Lsn end;
  std::optional<Time> latest_commit{};
};

Archived archived_from(const wal::Index& index, const wal::History& history, Lsn from) {
  const wal::Reach reach = wal::reach_of(index, history, from);
  Archived archived{.end = reach.end};
  for (const auto& [name, entry] : index.entries()) {
    const auto& summary = entry.head.summary;
    if (summary && summary->commit_times && summary->end <= reach.end &&
        (!archived.latest_commit || summary->commit_times->latest > *archived.latest_commit)) {
      archived.latest_commit = summary->commit_times->latest;
    }
  }
  return archived;
}

std::string state_of(const Branch& branch, const Volume& volume) {
  if (branch.volume == volume.id) {
    return "present";
  }
  return volume.state == State::retired || volume.state == State::ready ? "kept" : "freed";
}

}  // namespace

std::vector<Stay> stays_of(const Context& context, const Branch& branch) {
  const auto moves = context.catalog.branches.moves(branch.id);
  std::vector<Stay> stays;
  const auto add = [&](const VolumeId& id, Time from) {
    if (!stays.empty()) {
      stays.back().until = from;
    }
    if (auto volume = context.catalog.volumes.find(id)) {
      stays.push_back({.volume = std::move(*volume), .from = from});
    }
  };
  add(moves.empty() ? branch.volume : moves.front().from, branch.created_at);
  for (const Move& move : moves) {
    add(move.to, move.at);
  }
  return stays;
}

std::vector<Base> bases_of(const Context& context, const Volume& volume) {
  std::vector<Base> bases;
  const auto origin = volume.origin && volume.fork_lsn && !volume.recovered_from ? context.catalog.snapshots.find(*volume.origin)
                                                                                 : std::nullopt;
  if (origin && origin->state == State::ready) {
    bases.push_back({*origin, *volume.fork_lsn});
  }
  for (const Snapshot& snapshot : context.catalog.snapshots.of_volume(volume.id)) {
    if (snapshot.state == State::ready && snapshot.stop_lsn && snapshot.completed_at) {
      bases.push_back({snapshot, *snapshot.stop_lsn});
    }
  }
  std::ranges::stable_sort(bases, {}, &Base::bound);
  return bases;
}

std::optional<RestorableRange> restorable_range(const Context& context, const Stay& stay) {
  return stay.volume.archived ? restorable_range(context, stay, read_archived_wal(context, stay.volume)) : std::nullopt;
}

std::optional<RestorableRange> restorable_range(const Context& context, const Stay& stay, const ArchivedWal& wal) {
  const auto bases = without_removed(bases_of(context, stay.volume), wal.index.segment_size(), wal.kept_from);
  if (bases.empty()) {
    return std::nullopt;
  }
  const auto control = postgres::read_control_file(data_directory(context, stay.volume.id));
  const Archived archived = archived_from(wal.index, wal.history, bases.front().bound);
  RestorableRange range{.from = std::max(stay.from, bases.front().snapshot.completed_at.value_or(stay.from)),
                        .from_lsn = bases.front().bound,
                        .until_lsn = archived.end};
  // What runs is asked to hand over the rest; what does not shows no more than it handed over.
  range.until = stay.until;
  const bool whole = server_status(context, stay.volume.id).ready || (stay.until && control.shut_down);
  if (!whole && archived.latest_commit) {
    range.until = stay.until ? std::min(*stay.until, *archived.latest_commit) : *archived.latest_commit;
  }
  return range;
}

std::vector<HistoryEntry> branch_history(const Context& context, const Subject& subject) {
  const BranchRef branch = find_branch(context, subject);
  const auto moves = context.catalog.branches.moves(branch.branch.id);
  std::vector<HistoryEntry> entries;
  const auto stays = stays_of(context, branch.branch);
  for (size_t i = 0; i < stays.size(); ++i) {
    const Stay& stay = stays[i];
    HistoryEntry entry{.volume = stay.volume.id,
                       .state = state_of(branch.branch, stay.volume),
                       .came_by = i == 0 ? "create" : moves[i - 1].reason,
                       .parent = stay.volume.recovered_from ? stay.volume.recovered_from : stay.volume.parent,
                       .from = stay.from,
                       .until = stay.until,
                       .archived = stay.volume.archived};
    if (entry.state != "freed") {
      try {
        entry.range = restorable_range(context, stay);
      } catch (const Error& error) {
        if (error.code() == ErrorCode::interrupted) {
          throw;
        }
        // A damaged archive must not hide the rest: `bpg wal verify` tells what is wrong with it.
      }
    }
    entries.push_back(std::move(entry));
  }
  std::ranges::reverse(entries);
  return entries;
}

}  // namespace bpg::engine
