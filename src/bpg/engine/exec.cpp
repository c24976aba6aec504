#include "bpg/engine/exec.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "bpg/engine/branches.hpp"
#include "bpg/engine/exec_turn.hpp"
#include "bpg/engine/lock.hpp"
#include "bpg/engine/make_branch.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/postgres/connection_string.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/random.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

/// Tells a bpg inside the command that it has its turn already.
constexpr const char* inside_variable = "BPG_EXEC";

Subject new_subject(const std::string& database) {
  return {database, "exec-" + random_text(10, "0123456789abcdefghjkmnpqrstvwxyz")};
}

/// In the socket directory, with which it goes whatever ends this.
fs::path write_passfile(const Context& context, const VolumeId& volume, const postgres::Endpoint& endpoint) {
  const fs::path file = context.home.socket_directory(volume) / "pgpass";
  write_file_atomic(file, fmt::format("{}:{}:*:{}:{}\n", endpoint.host, endpoint.port, endpoint.user, endpoint.password),
                    {.mode = 0600, .durable = false});
  return file;
}

ExecEnvironment environment_of(const Context& context, const BranchRef& branch) {
  const postgres::Endpoint endpoint = owner_endpoint(context, branch);
  return {{"DATABASE_URL", postgres::url(endpoint)},
          {"PGHOST", endpoint.host},
          {"PGPORT", fmt::format("{}", endpoint.port)},
          {"PGUSER", endpoint.user},
          {"PGDATABASE", endpoint.database},
          {"PGPASSFILE", write_passfile(context, branch.branch.volume, endpoint).string()},
          {inside_variable, branch.subject()}};
}

/// Its files are as a clean shutdown left them, and durable.
void settle_down(Context& context, const BranchRef& branch) {
  stop_server(context, branch.branch.volume);
  step("sync", [&] { sync_file_system(context.storage->volume_path(branch.branch.volume)); });
}

}  // namespace

ExecResult exec(Context& context, const Exec& request, const ExecCommand& command) {
  std::optional<FileLock> turn;
  if (!std::getenv(inside_variable)) {
    turn = step("wait for a turn", [&] { return wait_for_turn(context); });
  }
  ExecResult result;
  std::optional<HoldInterrupts> hold;
  BranchMaking making(context, {.subject = new_subject(request.source.subject.database),
                                .from = request.source,
                                .fast = request.fast,
                                .ephemeral = true});
  result.exit_status = step("run command", [&] {
    const BranchRef& branch = making.branch();
    return command(environment_of(context, branch), {branch.database.name, branch.branch.name});
  });
  hold.emplace();  // what a second Ctrl-C would break off is what the first one asked for
  if (!request.keep) {
    try {
      making.undo();
    } catch (const Error& error) {
      result.left_behind = error.message();
    }
    return result;
  }
  settle_down(context, making.branch());
  const BranchRef branch = making.done();
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  start_server(context, branch);
  result.kept = view(context, branch);
  return result;
}

}  // namespace bpg::engine
