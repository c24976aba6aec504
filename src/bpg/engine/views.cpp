#include "bpg/engine/views.hpp"

#include <map>

#include "bpg/engine/purge.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/setting_layers.hpp"

namespace bpg::engine {

namespace {

using Usages = std::map<VolumeId, storage::Usage>;

Usages measure_volumes(const Context& context, const std::vector<VolumeId>& volumes, Measure measure) {
  const bool wanted = measure == Measure::yes || (measure == Measure::if_cheap && context.storage->traits().cheap_usage);
  return wanted && !volumes.empty() ? context.storage->usage(volumes) : Usages{};
}

std::optional<storage::Usage> usage_of(const Usages& usages, const VolumeId& volume) {
  const auto found = usages.find(volume);
  return found == usages.end() ? std::nullopt : std::optional(found->second);
}

std::string status_of(const Context& context, const Branch& branch) {
  switch (branch.state) {
    case State::creating:
      return branch.ephemeral && server_status(context, branch.volume).ready ? "running" : "creating";
    case State::ready: {
      const auto server = server_status(context, branch.volume);
      return server.ready ? "running" : server.running ? "starting" : "stopped";
    }
    case State::retired:
    case State::deleting:
    case State::deleted:
      break;
  }
  return "deleted";
}

BranchView view_with(const Context& context, const BranchRef& ref, const Usages& usages) {
  const Branch& branch = ref.branch;
  const auto parent = branch.parent ? context.catalog.branches.find(*branch.parent) : std::nullopt;
  const auto volume = context.catalog.volumes.find(branch.volume);
  return {.id = branch.id,
          .database = ref.database.name,
          .name = branch.name,
          .parent = parent ? std::optional(parent->name) : std::nullopt,
          .status = status_of(context, branch),
          .host = loopback,
          .port = branch.port,
          .volume = {branch.volume, context.storage->location().driver,
                     context.storage->volume_path(branch.volume).string(), usage_of(usages, branch.volume)},
          .origin = volume ? volume->origin : std::nullopt,
          .profile = branch.profile,
          .relaxed = has_relaxed_durability(context, ref),
          .expires_at = branch.expires_at,
          .is_protected = branch.is_protected,
          .ephemeral = branch.ephemeral,
          .archived = volume && volume->archived,
          .created_at = branch.created_at,
          .deleted_at = branch.deleted_at};
}

}  // namespace

BranchView view(const Context& context, const BranchRef& branch, Measure measure) {
  return view_with(context, branch, measure_volumes(context, {branch.branch.volume}, measure));
}

std::vector<BranchView> view_all(const Context& context, const std::vector<BranchRef>& branches, Measure measure) {
  std::vector<VolumeId> volumes;
  for (const BranchRef& branch : branches) {
    volumes.push_back(branch.branch.volume);
  }
  const Usages usages = measure_volumes(context, volumes, measure);
  std::vector<BranchView> views;
  for (const BranchRef& branch : branches) {
    views.push_back(view_with(context, branch, usages));
  }
  return views;
}

DatabaseView view(const Context& context, const Database& database) {
  int branches = 0;
  for (const Branch& branch : context.catalog.branches.list(database.id)) {
    branches += branch.state == State::ready ? 1 : 0;
  }
  return {.id = database.id,
          .name = database.name,
          .pg_version = database.pg_major,
          .pg_database = database.pg_database,
          .image = database.image ? database.image->reference : "",
          .branches = branches,
          .created_at = database.created_at};
}

SnapshotView view(const Context& context, const Snapshot& snapshot) {
  SnapshotView result{.id = snapshot.id,
                      .database = {},
                      .branch = {},
                      .label = snapshot.label,
                      .scheduled = snapshot.scheduled,
                      .consistency = snapshot.consistency,
                      .volume = snapshot.volume,
                      .start_lsn = snapshot.start_lsn,
                      .stop_lsn = snapshot.stop_lsn,
                      .created_at = snapshot.created_at};
  const auto volume = context.catalog.volumes.find(snapshot.volume);
  const auto branch = volume ? context.catalog.branches.find(volume->branch) : std::nullopt;
  const auto database = branch ? context.catalog.databases.find(branch->database) : std::nullopt;
  if (database) {
    result.database = database->name;
    result.branch = branch->name;
  }
  return result;
}

std::vector<RetainedView> view_retained(const Context& context, const std::vector<Volume>& volumes, Measure measure) {
  std::vector<VolumeId> ids;
  for (const Volume& volume : volumes) {
    ids.push_back(volume.id);
  }
  const Usages usages = measure_volumes(context, ids, measure);
  std::vector<RetainedView> views;
  for (const Volume& volume : volumes) {
    const auto branch = context.catalog.branches.find(volume.branch);
    const auto database = context.catalog.databases.find(volume.database);
    views.push_back({.volume = volume.id,
                     .subject = database && branch ? database->name + "/" + branch->name : volume.branch.str(),
                     .retired_by = volume.retired_by,
                     .retired_at = volume.retired_at,
                     .keep_until = volume.keep_until,
                     .held_by = held_by(context, volume),
                     .usage = usage_of(usages, volume.id)});
  }
  return views;
}

}  // namespace bpg::engine
