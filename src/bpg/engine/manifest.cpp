#include "bpg/engine/manifest.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bpg/engine/server.hpp"
#include "bpg/engine/server_host.hpp"
#include "bpg/postgres/control_file.hpp"
#include "bpg/util/file.hpp"
#include "bpg/wal/history.hpp"

namespace bpg::engine {

namespace {

template <class Id>
nlohmann::json id_or_null(const std::optional<Id>& id) {
  return id ? nlohmann::json(id->str()) : nlohmann::json(nullptr);
}

/// The timeline that the volume's history was on where it left its parent's. PostgreSQL keeps the way from there beside its
/// WAL; the control file may still be one switch behind, and then tells the same.
nlohmann::json timeline_of(const Context& context, const Volume& volume) {
  if (!volume.fork_lsn) {
    return nullptr;
  }
  const auto data = data_directory(context, volume.id);
  const uint32_t now = postgres::read_control_file(data).timeline;
  const auto text = read_file_if_exists(data / "pg_wal" / fmt::format("{:08X}.history", now));
  const auto history = text ? wal::History::parse(*text, now) : std::nullopt;
  // Recovery ends at the fork: the byte before it is the last that both have.
  return history ? history->timeline_at(Lsn{volume.fork_lsn->value - 1}) : now;
}

/// Its own snapshot where recovery begins; of others that is the origin.
std::optional<SnapshotId> base_of(const Context& context, const Volume& volume) {
  const auto snapshots = context.catalog.snapshots.of_volume(volume.id);
  const auto base = std::ranges::find_if(snapshots, &Snapshot::base);
  return base == snapshots.end() ? volume.recovered_from ? std::nullopt : volume.origin : std::optional(base->id);
}

}  // namespace

void write_manifest(const Context& context, const BranchRef& branch, const Volume& volume) {
  const nlohmann::ordered_json manifest{
      {"format", 1},
      {"volume", volume.id.str()},
      {"database",
       {{"id", branch.database.id.str()},
        {"name", branch.database.name},
        {"pg_version", branch.database.pg_major},
        {"pg_database", branch.database.pg_database}}},
      {"branch",
       {{"id", branch.branch.id.str()},
        {"name", branch.branch.name},
        {"parent", id_or_null(branch.branch.parent)},
        {"port", branch.branch.port}}},
      {"parent_volume", id_or_null(volume.parent)},
      {"origin_snapshot", id_or_null(volume.origin)},
      {"recovered_from", id_or_null(volume.recovered_from)},
      {"fork_lsn", volume.fork_lsn ? nlohmann::json(volume.fork_lsn->str()) : nlohmann::json(nullptr)},
      {"timeline", timeline_of(context, volume)},
      {"archived", volume.archived},
      {"base", id_or_null(base_of(context, volume))},
      {"created_at", to_rfc3339(volume.created_at)}};
  write_file_atomic(context.storage->volume_path(volume.id) / "manifest.json", manifest.dump(2) + "\n",
                    {.mode = 0600, .owner = owner_of(context, branch.database), .durable = volume.state != State::creating});
}

storage::Labels labels_of(const BranchRef& branch, const Volume& volume) {
  storage::Labels labels{{"database", branch.database.name},
                         {"database_id", branch.database.id.str()},
                         {"branch", branch.branch.name},
                         {"branch_id", branch.branch.id.str()},
                         {"pg_version", std::to_string(branch.database.pg_major)},
                         {"created_at", to_rfc3339(volume.created_at)}};
  if (volume.parent) {
    labels.emplace("parent_volume", volume.parent->str());
  }
  return labels;
}

void rewrite_manifests(const Context& context, const DatabaseId& database) {
  std::map<VolumeId, storage::Labels> labels;
  for (const Volume& volume : context.catalog.volumes.list()) {
    if (volume.database != database || volume.state == State::deleting || volume.state == State::creating) {
      continue;
    }
    const auto branch = context.catalog.branches.find(volume.branch);
    const auto owner = context.catalog.databases.find(database);
    if (branch && owner) {
      write_manifest(context, {*owner, *branch}, volume);
      labels.emplace(volume.id, labels_of({*owner, *branch}, volume));
    }
  }
  context.storage->relabel(labels);
}

}  // namespace bpg::engine
