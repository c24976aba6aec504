#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bpg/postgres/session.hpp"

namespace bpg::postgres {

/// The forms in which programs want to be told of an endpoint. Without a password where it has none.

/// "postgresql://user:password@host:port/database" (libpq, "Connection URIs").
std::string url(const Endpoint& endpoint);

/// "host=127.0.0.1 port=15432 …" (libpq, "Keyword/Value Connection Strings"): a value that needs it is in single quotes.
std::string dsn(const Endpoint& endpoint);

/// "jdbc:postgresql://host:port/database?user=…&password=…" (pgJDBC, "Connecting to the Database").
std::string jdbc_url(const Endpoint& endpoint);

/// The variables that libpq and most drivers read: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, and DATABASE_URL.
std::vector<std::pair<std::string, std::string>> environment(const Endpoint& endpoint);

}  // namespace bpg::postgres
