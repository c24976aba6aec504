#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bpg/engine/find.hpp"
#include "bpg/postgres/session.hpp"

namespace bpg::engine {

/// How its owner connects to a branch, with the password.
postgres::Endpoint connection(const Context& context, const Subject& subject);

/// The same as a URL that works (postgresql://…, PostgreSQL's libpq "Connection URIs").
std::string connection_url(const Context& context, const Subject& subject);

struct PsqlCommand {
  std::vector<std::string> argv;  ///< goes through the private socket: no password anywhere
  std::string note;               ///< where psql is of another major than the server: what that means; else empty
};

/// How to run psql on a running branch, as the owner or as the superuser: the psql of the server's major, else of the next
/// newer one that is installed, else PATH's. Throws where the branch does not run, or where psql is missing.
PsqlCommand psql_command(const Context& context, const Subject& subject, bool superuser);

/// Hands out the end of the server's log, which exists once it has been started: of a file, or of its container.
using ReadLog = runtime::Docker::Log;
void read_log(const Context& context, const Subject& subject, const ReadLog& request);

}  // namespace bpg::engine
