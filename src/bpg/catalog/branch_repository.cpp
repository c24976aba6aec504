#include "bpg/catalog/catalog.hpp"
#include "bpg/catalog/columns.hpp"

namespace bpg::catalog {

namespace {

constexpr std::string_view select =
    "SELECT id, database, name, state, parent, volume, port, sealed_password, wants_running, switching,"
    " profile, expires_at, protected, ephemeral, archive, created_at, deleted_at"
    " FROM branch";

constexpr std::string_view live = "state IN ('creating', 'ready', 'deleting')";

int run_with(Connection& connection, std::string_view sql, const Branch& branch) {
  return connection.run(sql, branch.id, branch.database, branch.name, branch.state, branch.parent, branch.volume,
                        branch.port, branch.sealed_password, branch.wants_running, branch.switching,
                        branch.profile, branch.expires_at, branch.is_protected, branch.ephemeral, branch.archive,
                        branch.created_at, branch.deleted_at);
}

Branch read(Statement& row) {
  return Branch{.id = row.next<BranchId>(),
                .database = row.next<DatabaseId>(),
                .name = row.next<std::string>(),
                .state = row.next<State>(),
                .parent = row.next<std::optional<BranchId>>(),
                .volume = row.next<VolumeId>(),
                .port = row.next<int>(),
                .sealed_password = row.next<std::string>(),
                .wants_running = row.next<bool>(),
                .switching = row.next<bool>(),
                .profile = row.next<std::string>(),
                .expires_at = row.next<std::optional<Time>>(),
                .is_protected = row.next<bool>(),
                .ephemeral = row.next<bool>(),
                .archive = row.next<bool>(),
                .created_at = row.next<Time>(),
                .deleted_at = row.next<std::optional<Time>>()};
}

Move read_move(Statement& row) {
  return Move{.branch = row.next<BranchId>(),
              .from = row.next<VolumeId>(),
              .to = row.next<VolumeId>(),
              .reason = row.next<std::string>(),
              .at = row.next<Time>()};
}

}  // namespace

void BranchRepository::insert(const Branch& branch) {
  run_with(m_connection,
           "INSERT INTO branch (id, database, name, state, parent, volume, port, sealed_password, wants_running,"
           " switching, profile, expires_at, protected, ephemeral, archive, created_at, deleted_at)"
           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
           branch);
}

void BranchRepository::update(const Branch& branch) {
  const int changed = run_with(m_connection,
                               "UPDATE branch SET database = ?2, name = ?3, state = ?4, parent = ?5, volume = ?6,"
                               " port = ?7, sealed_password = ?8, wants_running = ?9, switching = ?10,"
                               " profile = ?11, expires_at = ?12, protected = ?13, ephemeral = ?14,"
                               " archive = ?15, created_at = ?16, deleted_at = ?17 WHERE id = ?1",
                               branch);
  expect_one_row(changed, "branch", branch.id.str());
}

void BranchRepository::erase(const BranchId& id) { m_connection.run("DELETE FROM branch WHERE id = ?1", id); }

std::optional<Branch> BranchRepository::find(const BranchId& id) const {
  return first(m_connection.prepare(fmt::format("{} WHERE id = ?1", select), id), read);
}

std::optional<Branch> BranchRepository::find_live(const DatabaseId& database, const std::string& name) const {
  return first(m_connection.prepare(fmt::format("{} WHERE database = ?1 AND name = ?2 AND {}", select, live), database,
                                    name),
               read);
}

std::optional<Branch> BranchRepository::find_retired(const DatabaseId& database, const std::string& name) const {
  return first(m_connection.prepare(fmt::format("{} WHERE database = ?1 AND name = ?2 AND state = 'retired'"
                                                " ORDER BY deleted_at DESC, rowid DESC",
                                                select),
                                    database, name),
               read);
}

std::vector<Branch> BranchRepository::list_live() const {
  return all(m_connection.prepare(fmt::format("{} WHERE {} ORDER BY created_at, rowid", select, live)), read);
}

std::vector<Branch> BranchRepository::list(const DatabaseId& database) const {
  return all(m_connection.prepare(
                 fmt::format("{} WHERE database = ?1 AND state <> 'deleted' ORDER BY created_at, rowid", select),
                 database),
             read);
}

std::vector<Branch> BranchRepository::live_children(const BranchId& parent) const {
  return all(
      m_connection.prepare(fmt::format("{} WHERE parent = ?1 AND {} ORDER BY created_at, rowid", select, live), parent),
      read);
}

std::set<int> BranchRepository::live_ports() const {
  std::set<int> ports;
  Statement query = m_connection.prepare(fmt::format("SELECT port FROM branch WHERE {}", live));
  while (query.step()) {
    ports.insert(query.next<int>());
  }
  return ports;
}

void BranchRepository::append(const Move& move) {
  m_connection.run("INSERT INTO move (branch, from_volume, to_volume, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                   move.branch, move.from, move.to, move.reason, move.at);
}

std::vector<Move> BranchRepository::moves(const BranchId& branch) const {
  return all(m_connection.prepare("SELECT branch, from_volume, to_volume, reason, at FROM move WHERE branch = ?1"
                                  " ORDER BY number",
                                  branch),
             read_move);
}

}  // namespace bpg::catalog
