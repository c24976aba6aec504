#include "bpg/catalog/catalog.hpp"

#include "bpg/catalog/schema.hpp"
#include "bpg/catalog/sqlite.hpp"
#include "bpg/catalog/store_copy.hpp"
#include "bpg/util/error.hpp"

namespace bpg::catalog {

Catalog Catalog::open(const std::filesystem::path& file) { return Catalog(open_store(file, migrations())); }

Catalog::Catalog(std::unique_ptr<Connection> connection)
    : databases(*connection),
      branches(*connection),
      volumes(*connection),
      snapshots(*connection),
      settings(*connection),
      schedules(*connection),
      m_connection(std::move(connection)) {}

Catalog::Catalog(Catalog&&) noexcept = default;

Catalog::~Catalog() {
  if (!m_connection || !m_connection->has_changed()) {
    return;
  }
  try {
    renew_copy(*m_connection);
  } catch (const std::exception&) {
    // What the command did is done, and the copies from before are there; the next change tries again.
  }
}

void Catalog::write(const std::function<void()>& work) {
  if (m_connection->in_transaction()) {
    throw Error(ErrorCode::failure, "a write to the catalog inside a write");
  }
  Transaction transaction(*m_connection);
  work();
  transaction.commit();
}

std::optional<std::string> Catalog::value(const std::string& key) const {
  Statement query = m_connection->prepare("SELECT value FROM setting WHERE key = ?1", key);
  return query.step() ? std::optional(query.text(0)) : std::nullopt;
}

void Catalog::set_value(const std::string& key, const std::string& value) {
  m_connection->run("INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2", key,
                    value);
}

void Catalog::erase_value(const std::string& key) { m_connection->run("DELETE FROM setting WHERE key = ?1", key); }

}  // namespace bpg::catalog
