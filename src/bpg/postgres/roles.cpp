#include "bpg/postgres/roles.hpp"

#include <fmt/format.h>

#include "bpg/postgres/settings.hpp"
#include "bpg/util/error.hpp"

namespace bpg::postgres {

void set_owner_password(Session& session, const std::string& verifier) {
  const std::string password = session.quote_literal(verifier);
  try {
    session.query(fmt::format("ALTER ROLE {} LOGIN PASSWORD {}", owner_role, password));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::postgres) {
      throw;
    }
    session.query(fmt::format("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}", owner_role, password));
    session.query(fmt::format("GRANT pg_monitor, pg_signal_backend TO {}", owner_role));
  }
}

void remove_other_passwords(Session& session) {
  for (const Row& row : session.query("SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL AND rolname <> $1",
                                      {owner_role})) {
    session.query(fmt::format("ALTER ROLE {} PASSWORD NULL", session.quote_identifier(row.at(0).value())));
  }
}

void create_database(Session& session, const std::string& database) {
  const bool exists = !session.query("SELECT 1 FROM pg_database WHERE datname = $1", {database}).empty();
  const std::string name = session.quote_identifier(database);
  session.query(exists ? fmt::format("ALTER DATABASE {} OWNER TO {}", name, owner_role)
                       : fmt::format("CREATE DATABASE {} OWNER {}", name, owner_role));
}

int cut_subscriptions(Session& session, const Endpoint& endpoint) {
  if (session.query("SELECT FROM pg_subscription LIMIT 1").empty()) {
    return 0;
  }
  const auto subscriptions = session.query(
      "SELECT d.datname, s.subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid ORDER BY 1, 2");
  for (const Row& row : subscriptions) {
    Endpoint there = endpoint;
    there.database = row.at(0).value();
    Session local(there);
    const std::string name = local.quote_identifier(row.at(1).value());
    local.query(fmt::format("ALTER SUBSCRIPTION {} DISABLE", name));
    local.query(fmt::format("ALTER SUBSCRIPTION {} SET (slot_name = NONE)", name));
  }
  return static_cast<int>(subscriptions.size());
}

}  // namespace bpg::postgres
