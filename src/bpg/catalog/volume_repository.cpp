#include "bpg/catalog/catalog.hpp"
#include "bpg/catalog/columns.hpp"

namespace bpg::catalog {

namespace {

constexpr std::string_view select =
    "SELECT id, database, state, branch, parent, origin, fork_lsn, started, archived, recovered_from, created_at,"
    " retired_at, keep_until, retired_by FROM volume";

int run_with(Connection& connection, std::string_view sql, const Volume& volume) {
  return connection.run(sql, volume.id, volume.database, volume.state, volume.branch, volume.parent, volume.origin,
                        volume.fork_lsn, volume.started, volume.archived, volume.recovered_from, volume.created_at, volume.retired_at, volume.keep_until,
                        volume.retired_by);
}

Volume read(Statement& row) {
  return Volume{.id = row.next<VolumeId>(),
                .database = row.next<DatabaseId>(),
                .state = row.next<State>(),
                .branch = row.next<BranchId>(),
                .parent = row.next<std::optional<VolumeId>>(),
                .origin = row.next<std::optional<SnapshotId>>(),
                .fork_lsn = row.next<std::optional<Lsn>>(),
                .started = row.next<bool>(),
                .archived = row.next<bool>(),
                .recovered_from = row.next<std::optional<VolumeId>>(),
                .created_at = row.next<Time>(),
                .retired_at = row.next<std::optional<Time>>(),
                .keep_until = row.next<std::optional<Time>>(),
                .retired_by = row.next<std::string>()};
}

}  // namespace

void VolumeRepository::insert(const Volume& volume) {
  run_with(m_connection,
           "INSERT INTO volume (id, database, state, branch, parent, origin, fork_lsn, started, archived, recovered_from, created_at,"
           " retired_at, keep_until, retired_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
           volume);
}

void VolumeRepository::update(const Volume& volume) {
  const int changed = run_with(m_connection,
                               "UPDATE volume SET database = ?2, state = ?3, branch = ?4, parent = ?5, origin = ?6,"
                               " fork_lsn = ?7, started = ?8, archived = ?9, recovered_from = ?10, created_at = ?11,"
                               " retired_at = ?12, keep_until = ?13, retired_by = ?14 WHERE id = ?1",
                               volume);
  expect_one_row(changed, "volume", volume.id.str());
}

void VolumeRepository::erase(const VolumeId& id) { m_connection.run("DELETE FROM volume WHERE id = ?1", id); }

std::optional<Volume> VolumeRepository::find(const VolumeId& id) const {
  return first(m_connection.prepare(fmt::format("{} WHERE id = ?1", select), id), read);
}

std::vector<Volume> VolumeRepository::list() const {
  return all(m_connection.prepare(fmt::format("{} WHERE state <> 'deleted' ORDER BY created_at, rowid", select)), read);
}

std::vector<Volume> VolumeRepository::list(State state) const {
  return all(m_connection.prepare(fmt::format("{} WHERE state = ?1 ORDER BY created_at, rowid", select), state), read);
}

std::vector<Volume> VolumeRepository::of_branch(const BranchId& branch) const {
  return all(m_connection.prepare(
                 fmt::format("{} WHERE branch = ?1 AND state <> 'deleted' ORDER BY created_at, rowid", select), branch),
             read);
}

std::vector<Volume> VolumeRepository::clones_of(const SnapshotId& snapshot) const {
  return all(m_connection.prepare(
                 fmt::format("{} WHERE origin = ?1 AND state <> 'deleted' ORDER BY created_at, rowid", select),
                 snapshot),
             read);
}

}  // namespace bpg::catalog
