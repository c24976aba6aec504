#include "bpg/catalog/catalog.hpp"
#include "bpg/catalog/columns.hpp"

namespace bpg::catalog {

namespace {

constexpr std::string_view select =
    "SELECT id, name, pg_major, pg_database, created_at, deleted_at, image, image_id, image_uid, image_gid FROM database";

int run_with(Connection& connection, std::string_view sql, const Database& database) {
  const std::optional<Image>& image = database.image;
  return connection.run(sql, database.id, database.name, database.pg_major, database.pg_database, database.created_at,
                        database.deleted_at, image ? std::optional(image->reference) : std::nullopt,
                        image ? std::optional(image->id) : std::nullopt,
                        image ? std::optional<int64_t>(image->uid) : std::nullopt,
                        image ? std::optional<int64_t>(image->gid) : std::nullopt);
}

std::optional<Image> read_image(Statement& row) {
  const auto reference = row.next<std::optional<std::string>>();
  const auto id = row.next<std::optional<std::string>>();
  const auto uid = row.next<std::optional<int64_t>>();
  const auto gid = row.next<std::optional<int64_t>>();
  if (!reference) {
    return std::nullopt;
  }
  return Image{.reference = *reference,
               .id = id.value(),
               .uid = static_cast<uint32_t>(uid.value()),
               .gid = static_cast<uint32_t>(gid.value())};
}

Database read(Statement& row) {
  Database database{.id = row.next<DatabaseId>(),
                    .name = row.next<std::string>(),
                    .pg_major = row.next<int>(),
                    .pg_database = row.next<std::string>(),
                    .created_at = row.next<Time>(),
                    .deleted_at = row.next<std::optional<Time>>()};
  database.image = read_image(row);
  return database;
}

}  // namespace

void DatabaseRepository::insert(const Database& database) {
  run_with(m_connection,
           "INSERT INTO database (id, name, pg_major, pg_database, created_at, deleted_at, image, image_id, image_uid, image_gid)"
           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
           database);
}

void DatabaseRepository::update(const Database& database) {
  const int changed = run_with(m_connection,
                               "UPDATE database SET name = ?2, pg_major = ?3, pg_database = ?4, created_at = ?5,"
                               " deleted_at = ?6, image = ?7, image_id = ?8, image_uid = ?9, image_gid = ?10 WHERE id = ?1",
                               database);
  expect_one_row(changed, "database", database.id.str());
}

void DatabaseRepository::erase(const DatabaseId& id) { m_connection.run("DELETE FROM database WHERE id = ?1", id); }

std::optional<Database> DatabaseRepository::find(const DatabaseId& id) const {
  return first(m_connection.prepare(fmt::format("{} WHERE id = ?1", select), id), read);
}

std::optional<Database> DatabaseRepository::find_live(const std::string& name) const {
  return first(m_connection.prepare(fmt::format("{} WHERE name = ?1 AND deleted_at IS NULL", select), name), read);
}

std::optional<Database> DatabaseRepository::find_deleted(const std::string& name) const {
  // Kept as long as one of its volumes is.
  return first(m_connection.prepare(fmt::format("{} WHERE name = ?1 AND deleted_at IS NOT NULL AND EXISTS (SELECT 1"
                                                " FROM volume WHERE volume.database = database.id"
                                                " AND volume.state IN ('ready', 'retired'))"
                                                " ORDER BY deleted_at DESC, rowid DESC",
                                                select),
                                    name),
               read);
}

std::vector<Database> DatabaseRepository::list_live() const {
  return all(m_connection.prepare(fmt::format("{} WHERE deleted_at IS NULL ORDER BY name", select)), read);
}

}  // namespace bpg::catalog
