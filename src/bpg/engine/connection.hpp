#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// A URL that works, with the owner's password (postgresql://…, PostgreSQL's libpq "Connection URIs").
std::string connection_url(const Context& context, const Subject& subject);

struct PsqlCommand {
  std::vector<std::string> argv;  ///< goes through the private socket: no password anywhere
};

/// How to run psql on a running branch, as the owner or as the superuser. Throws where it does not run, or where psql
/// is missing.
PsqlCommand psql_command(const Context& context, const Subject& subject, bool superuser);

/// The server's log, which exists once it has been started.
std::filesystem::path server_log(const Context& context, const Subject& subject);

}  // namespace bpg::engine
