#include "bpg/catalog/catalog.hpp"
#include "bpg/catalog/columns.hpp"

namespace bpg::catalog {

namespace {

constexpr std::string_view select =
    "SELECT id, volume, state, label, user, base, scheduled, consistency, start_lsn, stop_lsn, created_at,"
    " completed_at FROM snapshot";

int run_with(Connection& connection, std::string_view sql, const Snapshot& snapshot) {
  return connection.run(sql, snapshot.id, snapshot.volume, snapshot.state, snapshot.label, snapshot.user,
                        snapshot.consistency, snapshot.start_lsn, snapshot.stop_lsn, snapshot.created_at,
                        snapshot.completed_at, snapshot.scheduled, snapshot.base);
}

Snapshot read(Statement& row) {
  return Snapshot{.id = row.next<SnapshotId>(),
                  .volume = row.next<VolumeId>(),
                  .state = row.next<State>(),
                  .label = row.next<std::string>(),
                  .user = row.next<bool>(),
                  .base = row.next<bool>(),
                  .scheduled = row.next<bool>(),
                  .consistency = row.next<Consistency>(),
                  .start_lsn = row.next<std::optional<Lsn>>(),
                  .stop_lsn = row.next<std::optional<Lsn>>(),
                  .created_at = row.next<Time>(),
                  .completed_at = row.next<std::optional<Time>>()};
}

}  // namespace

void SnapshotRepository::insert(const Snapshot& snapshot) {
  const int inserted =
      run_with(m_connection,
               "INSERT INTO snapshot (id, volume, branch, state, label, user, consistency, start_lsn, stop_lsn,"
               " created_at, completed_at, scheduled, base)"
               " SELECT ?1, id, branch, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM volume WHERE id = ?2",
               snapshot);
  expect_one_row(inserted, "volume", snapshot.volume.str());
}

void SnapshotRepository::update(const Snapshot& snapshot) {
  const int changed = run_with(m_connection,
                               "UPDATE snapshot SET volume = ?2, branch = (SELECT branch FROM volume WHERE id = ?2),"
                               " state = ?3, label = ?4, user = ?5, consistency = ?6, start_lsn = ?7, stop_lsn = ?8,"
                               " created_at = ?9, completed_at = ?10, scheduled = ?11, base = ?12 WHERE id = ?1",
                               snapshot);
  expect_one_row(changed, "snapshot", snapshot.id.str());
}

void SnapshotRepository::erase(const SnapshotId& id) { m_connection.run("DELETE FROM snapshot WHERE id = ?1", id); }

std::optional<Snapshot> SnapshotRepository::find(const SnapshotId& id) const {
  return first(m_connection.prepare(fmt::format("{} WHERE id = ?1", select), id), read);
}

std::vector<Snapshot> SnapshotRepository::list(State state) const {
  return all(m_connection.prepare(fmt::format("{} WHERE state = ?1 ORDER BY created_at, rowid", select), state), read);
}

std::vector<Snapshot> SnapshotRepository::of_volume(const VolumeId& volume) const {
  return all(m_connection.prepare(
                 fmt::format("{} WHERE volume = ?1 AND state <> 'deleted' ORDER BY created_at, rowid", select), volume),
             read);
}

std::optional<Snapshot> SnapshotRepository::find_label(const BranchId& branch, const std::string& label) const {
  return first(m_connection.prepare(fmt::format("{} WHERE branch = ?1 AND label = ?2 AND label <> '' AND user = 1"
                                                " AND state <> 'deleted'",
                                                select),
                                    branch, label),
               read);
}

std::vector<Snapshot> SnapshotRepository::of_branch(const BranchId& branch) const {
  return all(m_connection.prepare(fmt::format("{} WHERE branch = ?1 AND user = 1 AND state <> 'deleted'"
                                              " ORDER BY created_at, rowid",
                                              select),
                                  branch),
             read);
}

}  // namespace bpg::catalog
