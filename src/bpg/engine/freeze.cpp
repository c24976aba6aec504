#include "bpg/engine/freeze.hpp"

#include <fmt/format.h>

#include "bpg/engine/server.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

storage::CopyRules rules_for_running_server() {
  storage::CopyRules rules;
  for (const std::string& name : postgres::skipped_files()) {
    rules.skip.push_back("data/" + name);
  }
  for (const std::string& name : postgres::skipped_directory_contents()) {
    rules.skip_contents.push_back("data/" + name);
  }
  return rules;
}

postgres::OnlineBackup begin_backup(const Context& context, const BranchRef& source) {
  return step("checkpoint", [&] {
    return postgres::OnlineBackup(postgres::Session(admin_endpoint(context, source.branch, source.branch.volume)),
                                  {.keep_wal = !context.atomic()});
  });
}

Frozen freeze_running(const Context& context, const BranchRef& source,
                      const std::function<fs::path(const storage::CopyRules&)>& copy) {
  postgres::OnlineBackup backup = begin_backup(context, source);
  Frozen frozen{.start_lsn = backup.start_lsn()};
  if (context.atomic()) {
    frozen.consistency = Consistency::backup;
    step("snapshot", [&] { return copy({}); });
    backup.begin_stop();
    frozen.ending = std::move(backup);
    return frozen;
  }
  frozen.consistency = Consistency::labelled;
  const fs::path tree = step("snapshot", [&] { return copy(rules_for_running_server()); });
  step("add label and WAL", [&] {
    backup.begin_stop();
    const auto stop = backup.finish_stop();
    frozen.stop_lsn = stop.stop_lsn;
    postgres::complete_copy(data_directory(context, source.branch.volume), tree / "data", backup.start_lsn(), stop,
                            context.account);
    sync_file_system(tree);
  });
  return frozen;
}

}  // namespace

void Frozen::finish() {
  if (ending) {
    step("end backup mode", [&] { stop_lsn = ending->finish_stop().stop_lsn; });
    ending.reset();
  }
}

Frozen freeze(const Context& context, const BranchRef& source, const FreezeOptions& options,
              const std::function<fs::path(const storage::CopyRules&)>& copy) {
  const fs::path data = data_directory(context, source.branch.volume);
  postgres::refuse_outside_tablespaces(data);
  if (options.fast && !context.atomic()) {
    throw Error(ErrorCode::refused,
                fmt::format("--fast needs storage with atomic snapshots, which {} does not have", context.storage->location().driver),
                "Leave --fast out: backup mode then makes the copy consistent.");
  }
  const runtime::ServerStatus status = server_status(context, source.branch.volume);
  if (status.running && !options.fast) {
    if (!status.ready) {
      throw Error(ErrorCode::busy, fmt::format("the server of {} is still starting", source.subject()), "Try again in a moment.");
    }
    return freeze_running(context, source, copy);
  }
  step("snapshot", [&] { return copy({}); });
  return {.consistency = status.running ? Consistency::crash : Consistency::clean};
}

}  // namespace bpg::engine
