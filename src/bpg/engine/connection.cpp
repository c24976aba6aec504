#include "bpg/engine/connection.hpp"

#include <fmt/format.h>

#include "bpg/engine/server.hpp"
#include "bpg/postgres/connection_string.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/installation.hpp"
#include "bpg/runtime/native/log_file.hpp"
#include "bpg/postgres/settings.hpp"
#include "bpg/util/error.hpp"

namespace bpg::engine {

namespace {

std::string note_on(const postgres::Client& psql, int server_major) {
  if (psql.major == server_major) {
    return {};
  }
  return fmt::format("{} is of PostgreSQL {}, the server of {}{}", psql.program.string(), psql.major, server_major,
                     psql.major < server_major ? ": its commands that begin with a backslash may fail" : "");
}

}  // namespace

postgres::Endpoint connection(const Context& context, const Subject& subject) {
  return owner_endpoint(context, find_branch(context, subject));
}

std::string connection_url(const Context& context, const Subject& subject) { return postgres::url(connection(context, subject)); }

PsqlCommand psql_command(const Context& context, const Subject& subject, bool superuser) {
  const BranchRef branch = find_branch(context, subject);
  const int major = branch.database.pg_major;
  if (!server_status(context, branch.branch.volume).ready) {
    throw Error(ErrorCode::refused, fmt::format("{} is not running", branch.subject()),
                fmt::format("Start it with 'bpg start {}'.", branch.subject()));
  }
  const auto psql = postgres::find_client("psql", context.config.bin_dirs, major);
  if (!psql) {
    throw Error(ErrorCode::environment, "psql is not installed",
                fmt::format("Install it: 'apt-get install postgresql-client-{}'. Any other client works with 'bpg url {}'.", major,
                            branch.subject()));
  }
  const auto endpoint = admin_endpoint(context, branch.branch, branch.branch.volume);
  // A psqlrc is read later, so that a prompt of the user's own stays.
  const std::string prompt = branch.subject() + "%R%x%# ";
  return {{psql->program.string(), "--host", endpoint.host, "--port", fmt::format("{}", endpoint.port), "--username",
           superuser ? postgres::superuser : postgres::owner_role, "--dbname", branch.database.pg_database, "--set=PROMPT1=" + prompt,
           "--set=PROMPT2=" + prompt},
          note_on(*psql, major)};
}

void read_log(const Context& context, const Subject& subject, const ReadLog& request) {
  const BranchRef branch = find_branch(context, subject);
  const fs::path log = context.home.log_file(branch.branch.volume);
  if (volume_of(context, branch.branch).started && branch.database.image) {
    context.runtime->docker().read_log(server_spec(context, branch.branch.volume), request);
    return;
  }
  if (!fs::exists(log)) {
    throw Error(ErrorCode::not_found, fmt::format("{} has no log: it has not been started", branch.subject()),
                fmt::format("Start it with 'bpg start {}'.", branch.subject()));
  }
  runtime::read_last_lines(log, request.last_lines, request.write);
  if (request.follow) {
    runtime::follow_file(log, request.write);
  }
}

}  // namespace bpg::engine
