#include "bpg/engine/freeze.hpp"

#include <fmt/format.h>

#include "bpg/engine/server.hpp"
#include "bpg/engine/server_host.hpp"
#include "bpg/postgres/control_file.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/online_backup.hpp"
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

/// Where the WAL ends now; then a record that says nothing is written behind it.
std::optional<Lsn> mark_end_of_wal(postgres::Session& session) {
  const auto rows = session.query("SELECT pg_current_wal_insert_lsn(), pg_logical_emit_message(false, 'betterpg', 'snapshot')");
  return Lsn::parse(rows.at(0).at(0).value_or(""));
}

std::optional<Lsn> redo_of_checkpoint(postgres::Session& session) {
  return Lsn::parse(session.query_value("SELECT redo_lsn FROM pg_control_checkpoint()"));
}

Frozen freeze_atomically(postgres::Session& session, const Copy& copy) {
  Frozen frozen{.consistency = Consistency::checkpoint};
  step("checkpoint", [&] {
    session.query("CHECKPOINT");
    frozen.start_lsn = redo_of_checkpoint(session);
  });
  step("snapshot", [&] { return copy({}); });
  frozen.stop_lsn = mark_end_of_wal(session);
  return frozen;
}

/// Without full pages in its WAL a page that the snapshot holds half written could not be mended. Backup mode turns them
/// on for as long as it lasts, whatever the setting (do_pg_backup_start), and begins with the checkpoint. An atomic
/// snapshot needs no label.
Frozen freeze_atomically_with_full_pages(postgres::Session session, const Copy& copy) {
  auto backup = step("enter backup mode", [&] { return postgres::OnlineBackup(std::move(session)); });
  step("snapshot", [&] { return copy({}); });
  const auto stop = step("leave backup mode", [&] { return backup.stop(); });
  return {.consistency = Consistency::checkpoint, .start_lsn = backup.start_lsn(), .stop_lsn = stop.stop_lsn};
}

Frozen freeze_file_by_file(const Context& context, const BranchRef& source, postgres::Session session, const Copy& copy) {
  auto backup = step("enter backup mode", [&] { return postgres::OnlineBackup(std::move(session)); });
  const fs::path tree = step("snapshot", [&] { return copy(rules_for_running_server()); });
  return step("add label and WAL", [&] {
    const auto stop = backup.stop();
    postgres::complete_copy(data_directory(context, source.branch.volume), tree / "data", backup.start_lsn(), stop,
                            account_of(context, source.database));
    sync_file_system(tree);
    return Frozen{.consistency = Consistency::labelled, .start_lsn = backup.start_lsn(), .stop_lsn = stop.stop_lsn};
  });
}

/// What a copy of files that nobody writes needs.
Frozen state_at_rest(const fs::path& data) {
  if (fs::exists(data / "backup_label")) {
    return {.consistency = Consistency::labelled};  // a clone that has not been started yet
  }
  const auto control = postgres::read_control_file(data);
  if (!control.shut_down) {
    return {.consistency = Consistency::crash, .start_lsn = control.redo};
  }
  return {.consistency = Consistency::clean, .start_lsn = control.redo, .stop_lsn = control.redo};
}

/// Of a running server, without a checkpoint. One that is not ready yet tells no positions.
Frozen freeze_fast(std::optional<postgres::Session> session, const Copy& copy) {
  Frozen frozen{.consistency = Consistency::crash};
  if (session) {
    frozen.start_lsn = redo_of_checkpoint(*session);
  }
  step("snapshot", [&] { return copy({}); });
  if (session) {
    frozen.stop_lsn = mark_end_of_wal(*session);
  }
  return frozen;
}

}  // namespace

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
    postgres::Session session(admin_endpoint(context, source.branch, source.branch.volume));
    if (context.atomic() && session.query_value("SHOW full_page_writes") == "off") {
      return freeze_atomically_with_full_pages(std::move(session), copy);
    }
    return context.atomic() ? freeze_atomically(session, copy)
                            : freeze_file_by_file(context, source, std::move(session), copy);
  }
  if (status.running) {
    std::optional<postgres::Session> session;
    if (status.ready) {
      session.emplace(admin_endpoint(context, source.branch, source.branch.volume));
      if (session->query_value("SHOW full_page_writes") == "off") {
        throw Error(ErrorCode::refused, fmt::format("--fast needs full_page_writes, which is off for {}", source.subject()),
                    "Leave --fast out.");
      }
    }
    return freeze_fast(std::move(session), copy);
  }
  wait_until_quiet(context, source.branch.volume);
  const Frozen frozen = state_at_rest(data);
  step("snapshot", [&] { return copy({}); });
  return frozen;
}

void freeze_into(const Context& context, const BranchRef& source, const FreezeOptions& options, Snapshot& snapshot) {
  const Frozen frozen = freeze(context, source, options, [&](const storage::CopyRules& rules) {
    context.storage->create_snapshot(snapshot.volume, snapshot.id, rules);
    return context.atomic() ? fs::path{} : context.storage->snapshot_path(snapshot.id);
  });
  snapshot.state = State::ready;
  snapshot.consistency = frozen.consistency;
  snapshot.start_lsn = frozen.start_lsn;
  snapshot.stop_lsn = frozen.stop_lsn;
  snapshot.completed_at = context.clock.now();
}

}  // namespace bpg::engine
