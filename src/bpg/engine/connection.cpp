#include "bpg/engine/connection.hpp"

#include <fmt/format.h>

#include "bpg/engine/server.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/installation.hpp"
#include "bpg/postgres/settings.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/process.hpp"

namespace bpg::engine {

std::string connection_url(const Context& context, const Subject& subject) {
  const auto endpoint = owner_endpoint(context, find_branch(context, subject));
  return fmt::format("postgresql://{}:{}@{}:{}/{}", endpoint.user, endpoint.password, endpoint.host, endpoint.port,
                     endpoint.database);
}

PsqlCommand psql_command(const Context& context, const Subject& subject, bool superuser) {
  const BranchRef branch = find_branch(context, subject);
  if (!server_status(context, branch.branch.volume).ready) {
    throw Error(ErrorCode::refused, fmt::format("{} is not running", branch.subject()),
                fmt::format("Start it with 'bpg start {}'.", branch.subject()));
  }
  auto psql = postgres::choose_installation(context.config.bin_dirs, branch.database.pg_major).program("psql");
  if (!fs::exists(psql)) {
    const auto found = find_program("psql");
    if (!found) {
      throw Error(ErrorCode::environment, "psql is not installed", "Install it: 'apt-get install postgresql-client'.");
    }
    psql = *found;
  }
  const auto endpoint = admin_endpoint(context, branch.branch, branch.branch.volume);
  return {{psql.string(), "--host", endpoint.host, "--port", fmt::format("{}", endpoint.port), "--username",
           superuser ? postgres::superuser : postgres::owner_role, "--dbname", branch.database.pg_database}};
}

std::filesystem::path server_log(const Context& context, const Subject& subject) {
  const BranchRef branch = find_branch(context, subject);
  const fs::path log = context.home.log_file(branch.branch.volume);
  if (!fs::exists(log)) {
    throw Error(ErrorCode::not_found, fmt::format("{} has no log: it has not been started", branch.subject()),
                fmt::format("Start it with 'bpg start {}'.", branch.subject()));
  }
  return log;
}

}  // namespace bpg::engine
