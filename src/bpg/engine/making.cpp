#include "bpg/engine/making.hpp"

#include <fmt/format.h>

#include "bpg/engine/lock.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/wal_archive.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

Making::Making(Context& context, const VolumeId& volume, const std::function<void()>& rows)
    : m_context(context), m_volume(volume), m_lock(try_lock_volume(context, volume)) {
  try {
    step("store intent", [&] { context.catalog.write(rows); });
  } catch (...) {
    forget_lock(context, volume.str());  // no row, or one that the next command finds and undoes: nobody else would
    throw;
  }
}

Making::~Making() {
  if (m_done) {
    return;
  }
  try {
    undo();
  } catch (const std::exception&) {
    // The error that brought us here is the one to tell. The row is still `creating`: the next command tries again.
  }
}

void Making::undo() {
  const HoldInterrupts hold;
  m_done = true;
  undo_creation(m_context, m_volume);
}

void Making::done(const std::function<void()>& rows) {
  step("store result", [&] {
    m_context.catalog.write(rows);
    m_done = true;
  });
  forget_lock(m_context, m_volume.str());
}

void undo_creation(Context& context, const VolumeId& id) {
  const auto volume = context.catalog.volumes.find(id);
  if (!volume || volume->state != State::creating) {
    return;
  }
  const auto branch = context.catalog.branches.find(volume->branch);
  discard_server(context, id);
  const auto origin = volume->origin ? context.catalog.snapshots.find(*volume->origin) : std::nullopt;
  std::vector<SnapshotId> snapshots;
  if (origin && origin->state == State::creating) {
    snapshots.push_back(origin->id);
  }
  for (const Snapshot& own : context.catalog.snapshots.of_volume(id)) {
    snapshots.push_back(own.id);
  }
  context.storage->destroy_volume(id, snapshots);
  remove_tree(context.home.socket_directory(id));
  for (const char* suffix : {"", ".1"}) {
    remove_tree(context.home.log_file(id).string() + suffix);
  }
  remove_wal_archive(context, id);
  const bool branch_is_new = branch && branch->state == State::creating;
  context.catalog.write([&] {
    for (const SnapshotId& snapshot : snapshots) {
      context.catalog.snapshots.erase(snapshot);
    }
    context.catalog.volumes.erase(id);
    if (branch_is_new) {
      context.catalog.branches.erase(branch->id);
      if (!branch->parent) {  // main: its database was to come with it
        context.catalog.databases.erase(branch->database);
      }
    }
  });
  forget_lock(context, id.str());
  if (branch_is_new) {
    forget_lock(context, branch->id.str());
  }
}

void require_space(const Context& context) {
  const storage::Space space = context.storage->space();
  if (space.free_bytes < context.config.reserve_bytes) {
    throw Error(ErrorCode::no_space,
                fmt::format("only {} are free in {}, and {} are kept in reserve", format_bytes(space.free_bytes),
                            context.storage->location().root.string(), format_bytes(context.config.reserve_bytes)),
                "Delete branches or snapshots, run 'bpg cleanup', or lower storage.reserve in the configuration.");
  }
}

}  // namespace bpg::engine
