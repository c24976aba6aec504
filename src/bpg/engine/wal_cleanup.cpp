#include "bpg/engine/wal_cleanup.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/archived_wal.hpp"
#include "bpg/engine/lock.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/server_host.hpp"
#include "bpg/engine/wal_archive.hpp"
#include "bpg/postgres/control_file.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/wal/prune.hpp"

namespace bpg::engine {

namespace {

std::string show(Time time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }

Time time_of(const Base& base) { return base.snapshot.completed_at.value_or(base.snapshot.created_at); }

std::string name_of(const Snapshot& snapshot) {
  return fmt::format("snapshot '{}'", snapshot.label.empty() ? snapshot.id.str() : snapshot.label);
}

/// One of the branch's own that somebody asked for. The origin may be one of the parent's.
bool is_user_snapshot(const Volume& volume, const Base& base) { return base.snapshot.user && base.snapshot.volume == volume.id; }

/// Whether it stays unless somebody deletes it. The origin of a child is a base, too, but goes with the child.
bool is_lasting(const Volume& volume, const Base& base) {
  return base.snapshot.user || base.snapshot.base || base.snapshot.volume != volume.id;
}

/// The first segment that a recovery from the base may ask for.
uint64_t first_segment(const Volume& volume, const Base& base, uint64_t segment_size) {
  // Up to where it forked, a clone's WAL is its parent's, and its archive does not hold it.
  const bool own = base.snapshot.volume == volume.id;
  return segment_of(own ? std::min(base.snapshot.start_lsn.value_or(base.bound), base.bound) : base.bound, segment_size);
}

/// The base from which on everything is to be kept, and why it and nothing newer.
struct Choice {
  std::optional<Base> oldest_kept{};
  std::string why{};
};

Choice since_oldest_snapshot(const Volume& volume, const std::vector<Base>& bases) {
  const auto oldest = std::ranges::find_if(bases, [&](const Base& base) { return is_user_snapshot(volume, base); });
  if (oldest == bases.end()) {
    return {std::nullopt, "it has no snapshot that somebody asked for: all of its WAL is kept"};
  }
  return {*oldest, fmt::format("{} holds what follows it", name_of(oldest->snapshot))};
}

Choice since(const Context& context, const Volume& volume, const std::vector<Base>& bases, std::chrono::seconds window) {
  const Time limit = context.clock.now() - window;
  const auto newest = std::find_if(bases.rbegin(), bases.rend(), [&](const Base& base) {
    return time_of(base) <= limit && is_lasting(volume, base);
  });
  if (newest == bases.rend()) {
    return {std::nullopt, fmt::format("no base is older than {}: all of its WAL is kept", show(limit))};
  }
  return {*newest, fmt::format("{} is to stay restorable, and recovery to it begins at {}", show(limit),
                               is_user_snapshot(volume, *newest) ? name_of(newest->snapshot) : "the base of " + show(time_of(*newest)))};
}

std::vector<GivenUp> given_up(const Volume& volume, const std::vector<Base>& bases, const Base& oldest_kept) {
  std::vector<GivenUp> all;
  for (const Base& base : bases) {
    if (is_user_snapshot(volume, base) && base.bound < oldest_kept.bound) {
      all.push_back({.snapshot = base.snapshot.id,
                     .label = base.snapshot.label,
                     .from = time_of(base),
                     .until = time_of(oldest_kept)});
    }
  }
  return all;
}

WalCleanUpEntry clean_up_volume(Context& context, const BranchRef& branch, const CleanUpWal& request) {
  const Volume volume = volume_of(context, branch.branch);
  WalCleanUpEntry entry{.subject = branch.subject(), .volume = volume.id, .state = "present"};
  const auto archive = open_wal_archive(context, volume.id);
  const auto history = wal::history_of(archive, postgres::read_control_file(data_directory(context, volume.id)).timeline);
  const uint64_t size = archive.identity().segment_size;
  uint64_t begin = wal::kept_from(archive);
  const auto bases = without_removed(bases_of(context, volume), size, begin);
  const Choice choice = request.window ? since(context, volume, bases, *request.window) : since_oldest_snapshot(volume, bases);
  entry.why = choice.why;
  if (choice.oldest_kept) {
    begin = std::max(begin, first_segment(volume, *choice.oldest_kept, size));
    const wal::Cut cut{.timeline = history.timeline(), .first_kept = begin};
    const auto going = request.dry_run ? wal::prunable(archive, cut) : step("remove WAL", [&] {
      return wal::prune(archive, cut,
                        {.owner = owner_of(context, branch.database), .progress = [](size_t done, size_t total) {
                           trace().report({.unit = Trace::Amount::Unit::items, .done = done, .total = total});
                         }});
    });
    entry.segments = going.segments;
    entry.bytes = going.bytes;
  }
  if (begin > 0) {
    entry.kept_from = segment_name(history.timeline_of_segment(begin, size), begin, size);
  }
  const auto left = without_removed(bases, size, begin);
  if (!left.empty()) {
    entry.restorable_from = time_of(left.front());
    if (entry.segments > 0) {
      entry.given_up = given_up(volume, bases, left.front());
    }
  }
  return entry;
}

std::vector<WalCleanUpEntry> kept_volumes(const Context& context, const BranchRef& branch) {
  std::vector<WalCleanUpEntry> entries;
  for (const Volume& volume : context.catalog.volumes.of_branch(branch.branch.id)) {
    if (volume.state == State::retired && volume.archived) {
      entries.push_back({.subject = branch.subject(),
                         .volume = volume.id,
                         .state = "kept",
                         .why = fmt::format("its volume is kept{}, and goes with all of its WAL by 'bpg cleanup'",
                                            volume.keep_until ? " until " + show(*volume.keep_until) : "")});
    }
  }
  return entries;
}

void clean_up_branch(Context& context, const BranchRef& found, const CleanUpWal& request, std::vector<WalCleanUpEntry>& entries) {
  std::optional<FileLock> lock;
  BranchRef branch = found;
  if (!request.dry_run) {
    lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
    branch = find_branch_again(context, branch);
  }
  if (volume_of(context, branch.branch).archived) {
    entries.push_back(clean_up_volume(context, branch, request));
  } else if (request.subject) {
    throw Error(ErrorCode::refused, fmt::format("the WAL of {} is not archived", branch.subject()), "There is nothing to clean up.");
  }
  for (auto& kept : kept_volumes(context, branch)) {
    entries.push_back(std::move(kept));
  }
}

/// One of all. What was deleted since they were listed needs no cleaning up.
void try_to_clean_up_branch(Context& context, const BranchRef& branch, const CleanUpWal& request, std::vector<WalCleanUpEntry>& entries) {
  try {
    clean_up_branch(context, branch, request, entries);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) {
      throw;
    }
    if (error.code() != ErrorCode::not_found) {
      entries.push_back(
          {.subject = branch.subject(), .volume = branch.branch.volume, .state = "present", .problem = error.message()});
    }
  }
}

}  // namespace

std::vector<WalCleanUpEntry> clean_up_wal(Context& context, const CleanUpWal& request) {
  std::vector<WalCleanUpEntry> entries;
  if (request.subject) {
    clean_up_branch(context, find_branch(context, *request.subject), request, entries);
    return entries;
  }
  for (const Branch& branch : context.catalog.branches.list_live()) {
    const auto database = context.catalog.databases.find(branch.database);
    if (database && branch.state == State::ready && !branch.ephemeral) {
      try_to_clean_up_branch(context, {*database, branch}, request, entries);
    }
  }
  return entries;
}

}  // namespace bpg::engine
