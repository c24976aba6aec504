#include "bpg/engine/purge.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/lock.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/wal_archive.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

bool has_clones_besides(const Context& context, const SnapshotId& snapshot, const VolumeId& volume, bool also_going) {
  return std::ranges::any_of(context.catalog.volumes.clones_of(snapshot), [&](const Volume& clone) {
    return clone.id != volume && (also_going || clone.state != State::deleting);
  });
}

/// The volume's own snapshots, and the one it was cloned from.
std::vector<Snapshot> snapshots_around(const Context& context, const Volume& volume) {
  std::vector<Snapshot> snapshots = context.catalog.snapshots.of_volume(volume.id);
  if (volume.origin) {
    if (auto origin = context.catalog.snapshots.find(*volume.origin); origin && origin->state != State::deleted) {
      snapshots.push_back(std::move(*origin));
    }
  }
  return snapshots;
}

/// Somebody asked for this snapshot, or its volume's recovery begins there, and its volume stays.
bool needed_as_itself(const Context& context, const Snapshot& snapshot, const VolumeId& going) {
  const auto volume = snapshot.volume == going ? std::nullopt : context.catalog.volumes.find(snapshot.volume);
  return (snapshot.user || snapshot.base) && volume && volume->state != State::deleting && volume->state != State::deleted;
}

}  // namespace

std::string held_by_snapshot(const Context& context, const VolumeId& volume) {
  for (const Snapshot& snapshot : context.catalog.snapshots.of_volume(volume)) {
    if (snapshot.user && snapshot.state == State::ready) {
      return fmt::format("snapshot '{}'", snapshot.label.empty() ? snapshot.id.str() : snapshot.label);
    }
  }
  return {};
}

std::string held_by(const Context& context, const Volume& volume) {
  const auto branch = context.catalog.branches.find(volume.branch);
  if (!branch || branch->state != State::ready) {
    return {};
  }
  if (branch->volume == volume.id) {
    return fmt::format("branch '{}'", branch->name);
  }
  return held_by_snapshot(context, volume.id);
}

void purge(Context& context, const VolumeId& id) {
  const FileLock lock = lock_volume(context, id);
  step("begin purge", [&] { context.catalog.write([&] { begin_purge(context, id); }); });
  finish_purge(context, id);
}

void begin_purge(Context& context, const VolumeId& id) {
  auto volume = context.catalog.volumes.find(id);
  if (!volume || volume->state != State::retired) {
    throw Error(ErrorCode::refused, fmt::format("volume {} is in use again", id.str()));
  }
  if (const std::string holder = held_by(context, *volume); !holder.empty()) {
    throw Error(ErrorCode::refused, fmt::format("{} needs volume {}", holder, id.str()));
  }
  for (Snapshot& snapshot : snapshots_around(context, *volume)) {
    if (!needed_as_itself(context, snapshot, id) && !has_clones_besides(context, snapshot.id, id, false)) {
      snapshot.state = State::deleting;
      context.catalog.snapshots.update(snapshot);
    }
  }
  volume->state = State::deleting;
  context.catalog.volumes.update(*volume);
}

void finish_purge(Context& context, const VolumeId& id) {
  auto volume = context.catalog.volumes.find(id);
  if (!volume || volume->state != State::deleting) {
    return;
  }
  auto branch = context.catalog.branches.find(volume->branch);
  discard_server(context, id);
  std::vector<Snapshot> going;
  std::vector<SnapshotId> ids;
  for (const Snapshot& snapshot : snapshots_around(context, *volume)) {
    // Of several clones that go together, the last takes the snapshot along.
    if (snapshot.state == State::deleting && !has_clones_besides(context, snapshot.id, id, true)) {
      going.push_back(snapshot);
      ids.push_back(snapshot.id);
    }
  }
  step("destroy volume", [&] { context.storage->destroy_volume(id, ids); });
  remove_tree(context.home.socket_directory(id));
  for (const char* suffix : {"", ".1"}) {
    remove_tree(context.home.log_file(id).string() + suffix);
  }
  remove_wal_archive(context, id);
  step("end purge", [&] {
    context.catalog.write([&] {
      for (Snapshot& snapshot : going) {
        snapshot.state = State::deleted;
        context.catalog.snapshots.update(snapshot);
      }
      volume->state = State::deleted;
      context.catalog.volumes.update(*volume);
      if (branch && branch->state == State::retired && branch->volume == id) {
        branch->state = State::deleted;
        context.catalog.branches.update(*branch);
      }
    });
  });
  forget_lock(context, id.str());
  if (branch && branch->state == State::deleted) {
    forget_lock(context, branch->id.str());
  }
}

}  // namespace bpg::engine
