#include "bpg/catalog/catalog.hpp"
#include "bpg/catalog/columns.hpp"

namespace bpg::catalog {

namespace {

/// The column of `server_setting` that names an owner of that kind.
template <class Kind>
constexpr std::string_view column = {};
template <>
constexpr std::string_view column<DatabaseKind> = "database";
template <>
constexpr std::string_view column<BranchKind> = "branch";

template <class Kind>
void set_for(Connection& connection, const Id<Kind>& owner, const ServerSetting& setting) {
  connection.run(fmt::format("INSERT INTO server_setting ({0}, name, value) VALUES (?1, ?2, ?3)"
                             " ON CONFLICT ({0}, name) WHERE {0} IS NOT NULL DO UPDATE SET value = ?3",
                             column<Kind>),
                 owner, setting.name, setting.value);
}

template <class Kind>
bool unset_for(Connection& connection, const Id<Kind>& owner, const std::string& name) {
  return connection.run(fmt::format("DELETE FROM server_setting WHERE {} = ?1 AND name = ?2", column<Kind>), owner, name) > 0;
}

ServerSetting read(Statement& row) { return {.name = row.next<std::string>(), .value = row.next<std::string>()}; }

template <class Kind>
std::vector<ServerSetting> list_for(Connection& connection, const Id<Kind>& owner) {
  return all(connection.prepare(
                 fmt::format("SELECT name, value FROM server_setting WHERE {} = ?1 ORDER BY name", column<Kind>), owner),
             read);
}

}  // namespace

void SettingRepository::set(const DatabaseId& database, const ServerSetting& setting) {
  set_for(m_connection, database, setting);
}
void SettingRepository::set(const BranchId& branch, const ServerSetting& setting) {
  set_for(m_connection, branch, setting);
}
bool SettingRepository::unset(const DatabaseId& database, const std::string& name) {
  return unset_for(m_connection, database, name);
}
bool SettingRepository::unset(const BranchId& branch, const std::string& name) {
  return unset_for(m_connection, branch, name);
}
std::vector<ServerSetting> SettingRepository::of(const DatabaseId& database) const {
  return list_for(m_connection, database);
}
std::vector<ServerSetting> SettingRepository::of(const BranchId& branch) const { return list_for(m_connection, branch); }

}  // namespace bpg::catalog
