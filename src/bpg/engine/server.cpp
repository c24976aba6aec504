#include "bpg/engine/server.hpp"

#include <poll.h>

#include <algorithm>
#include <future>
#include <iterator>

#include <fmt/format.h>

#include "bpg/engine/freeze.hpp"
#include "bpg/engine/manifest.hpp"
#include "bpg/engine/port.hpp"
#include "bpg/engine/protection.hpp"
#include "bpg/engine/server_host.hpp"
#include "bpg/engine/setting_layers.hpp"
#include "bpg/engine/wal_archive.hpp"
#include "bpg/postgres/control_file.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/installation.hpp"
#include "bpg/postgres/roles.hpp"
#include "bpg/postgres/settings.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/wal/history.hpp"
#include "bpg/wal/name.hpp"

namespace bpg::engine {

namespace {

using namespace std::chrono_literals;

constexpr auto start_deadline = 600s;  // a long recovery is legitimate
constexpr auto stop_deadline = 120s;
constexpr auto recovery_deadline = std::chrono::hours(24 * 7);  // it can be watched, and ended by Ctrl-C

enum class Access { closed, open };
using postgres::Durability;

void write_settings(const Context& context, const BranchRef& branch, const Volume& volume, Access access,
                    Durability durability, bool bulk_load = false) {
  const fs::path root = context.storage->volume_path(volume.id);
  const WriteOptions options{.mode = 0600, .owner = owner_of(context, branch.database), .durable = false};
  const postgres::Place place = place_of(context, branch.database);
  write_file_atomic(root / postgres::settings_file,
                    postgres::render_settings({.copy_on_write = context.storage->traits().shares_space,
                                               .archive = volume.archived,
                                               .wal_segment_size = wal_segment_size(context, volume.id),
                                               .bulk_load = bulk_load,
                                               .durability = durability,
                                               .layers = file_layers(context, branch)}),
                    options);
  write_file_atomic(root / postgres::hba_file, postgres::render_hba(access == Access::open, place), options);
  std::vector<std::string> accounts{account_of(context, branch.database).name};
  if (const std::string self = current_account().name; self != accounts.front()) {
    accounts.push_back(self);
  }
  write_file_atomic(root / postgres::ident_file, postgres::render_ident(accounts), options);
}

/// With the settings that the file must not override.
runtime::ServerSpec spec_to_start(const Context& context, const BranchRef& branch, const Volume& volume) {
  runtime::ServerSpec spec = server_spec(context, volume.id);
  spec.account = account_of(context, branch.database);
  spec.port = branch.branch.port;
  spec.settings = postgres::fixed_settings(context.storage->volume_path(volume.id), place_of(context, branch.database));
  for (auto& setting : postgres::archive_settings(volume.archived ? archive_command(context, volume.id) : "", branch.database.pg_major)) {
    spec.settings.push_back(std::move(setting));
  }
  spec.program = spec.container ? fs::path("postgres")
                                : postgres::choose_installation(context.config.bin_dirs, branch.database.pg_major).program("postgres");
  return spec;
}

void check_identity(postgres::Session& session, const VolumeId& volume) {
  const auto answer = session.query("SELECT current_setting('cluster_name'), pg_is_in_recovery()");
  if (answer.at(0).at(0) != volume.str()) {
    throw Error(ErrorCode::postgres, "another server answers at this branch's endpoint");
  }
  if (answer.at(0).at(1) != "f") {
    throw Error(ErrorCode::postgres, "the server is ready but does not take writes");
  }
}

/// A log goes with the volume that was being made: what PostgreSQL advises in it stands in for it.
Error explained_by_log(const Error& error, const fs::path& log_file) {
  constexpr std::string_view mark = "HINT:  ";
  const std::string log = read_file_if_exists(log_file).value_or("");
  const size_t at = log.rfind(mark);
  const std::string advice = at == std::string::npos ? "" : log.substr(at + mark.size(), log.find('\n', at) - at - mark.size());
  return Error(error.code(), error.message(), advice.empty() ? "'bpg settings' of its parent shows what it would run with." : advice);
}

/// The endpoint opens a moment after the reload; nothing tells when.
void wait_for_endpoint(const postgres::Endpoint& endpoint, const VolumeId& volume) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  for (;;) {
    try {
      postgres::Session session(endpoint);
      check_identity(session, volume);
      return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::postgres || std::chrono::steady_clock::now() > deadline) {
        throw;
      }
    }
    ::poll(nullptr, 0, 1);
  }
}

/// A session in `database`; in PostgreSQL's own, which `database` then becomes, where somebody has removed that one. Who
/// comes first after a recovery fills a database's caches (pg_internal.init): let it be the one that users come to.
postgres::Session first_session(const postgres::Endpoint& admin, std::string& database) {
  postgres::Endpoint endpoint = admin;
  endpoint.database = database;
  try {
    return postgres::Session(endpoint);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::postgres || database == admin.database) {
      throw;
    }
  }
  database = admin.database;
  return postgres::Session(admin);
}

/// As far as the startup process has told, against where it is to stop.
void report_recovery(const RestorePlan& plan, uint64_t segment_size, std::string_view wal_file) {
  const auto name = wal::FileName::parse(wal_file);
  const auto number = name ? name->number(segment_size) : std::nullopt;
  if (number && plan.wal_bytes > 0) {
    const uint64_t begin = plan.end.value - plan.wal_bytes;
    const uint64_t at = std::clamp(*number * segment_size, begin, plan.end.value);
    trace().report({.unit = Trace::Amount::Unit::bytes, .done = at - begin, .total = plan.wal_bytes});
  }
}

/// Closed to the world, and not acting as its source.
runtime::ServerSpec spec_for_first_start(const Context& context, const BranchRef& branch, const Volume& volume) {
  runtime::ServerSpec spec = spec_to_start(context, branch, volume);
  for (auto& setting : postgres::quarantine_settings()) {
    spec.settings.push_back(std::move(setting));
  }
  return spec;
}

/// In a container the server sees the archive that it is recovered from, and nothing may be changed there.
void prepare_recovery(const Context& context, const RestorePlan& plan, runtime::ServerSpec& spec) {
  if (spec.container) {
    spec.container->mounts.push_back({.path = context.home.wal_archive(plan.volume.id)});
  }
  for (auto& setting : postgres::recovery_settings(restore_command(context, plan.volume.id), *plan.last_record, plan.timeline)) {
    spec.settings.push_back(std::move(setting));
  }
  // Prepared transactions need as much room as they had (xlogrecovery.c), whatever the settings say by now.
  const auto source = postgres::read_control_file(data_directory(context, plan.volume.id));
  const auto base = postgres::read_control_file(spec.data_directory);
  const uint32_t prepared = std::max(source.max_prepared_transactions, base.max_prepared_transactions);
  if (prepared > 0) {
    spec.settings.emplace_back("max_prepared_transactions", fmt::format("{}", prepared));
  }
  spec.recovering = [&plan, size = source.wal_segment_size](std::string_view wal_file) { report_recovery(plan, size, wal_file); };
  write_file_atomic(spec.data_directory / "recovery.signal", "",
                    {.mode = 0600, .owner = {spec.account.uid, spec.account.gid}, .durable = false});
}

/// Starts a server that recovers. Between the base and the moment there may have been room for more prepared transactions
/// than any control file knows by now: what is not enough is made more.
void start_recovering(const Context& context, runtime::ServerSpec& spec) {
  constexpr uint32_t at_least = 64;
  constexpr uint32_t at_most = 1U << 15;
  for (uint32_t room = at_least;; room *= 8) {
    try {
      context.runtime->start(spec, recovery_deadline);
      return;
    } catch (const Error& error) {
      if (room > at_most || error.message().find("maximum number of prepared transactions reached") == std::string::npos) {
        throw;
      }
    }
    spec.settings.emplace_back("max_prepared_transactions", fmt::format("{}", room));
  }
}

/// Recovers it. A container would go on seeing the archive of its source: it is replaced by one that does not.
void recover_server(const Context& context, const BranchRef& branch, const Volume& volume, runtime::ServerSpec& spec) {
  start_recovering(context, spec);
  if (spec.container) {
    context.runtime->stop(spec, stop_deadline);
    runtime::ServerSpec recovered = spec_for_first_start(context, branch, volume);
    // What was prepared then is still there.
    std::ranges::copy_if(spec.settings, std::back_inserter(recovered.settings),
                         [](const auto& setting) { return setting.first == "max_prepared_transactions"; });
    spec = std::move(recovered);
    context.runtime->start(spec, start_deadline);
  }
}

using End = void (runtime::Runtime::*)(const runtime::ServerSpec&, std::chrono::seconds);

/// Of a container something is left also where its server has ended by itself.
void end_server(Context& context, const VolumeId& volume, End end) {
  const runtime::ServerSpec spec = server_spec(context, volume);
  if (spec.container || context.runtime->status(spec).running) {
    step("stop server", [&] { (*context.runtime.*end)(spec, stop_deadline); });
  }
}

/// Where the server's new timeline begins is where recovery ended.
void check_reached(postgres::Session& session, const RestorePlan& plan, const fs::path& data) {
  const std::string wal_file = session.query_value("SELECT pg_walfile_name(pg_current_wal_insert_lsn())");
  const auto name = wal::FileName::parse(wal_file);
  const uint32_t timeline = name ? name->timeline : 0;
  const auto text = read_file_if_exists(data / "pg_wal" / fmt::format("{:08X}.history", timeline));
  const auto history = text ? wal::History::parse(*text, timeline) : std::nullopt;
  if (!history || history->ancestors().back().timeline != plan.timeline || history->ancestors().back().end != plan.end) {
    throw Error(ErrorCode::postgres,
                fmt::format("recovery ended at {}, not at {} of timeline {}",
                            history ? history->ancestors().back().end.str() : "an unknown position", plan.end.str(), plan.timeline),
                "Nothing was changed. This is a fault of bpg: please report it.");
  }
}

}  // namespace

uint64_t wal_segment_size(const Context& context, const VolumeId& volume) {
  return postgres::read_control_file(data_directory(context, volume)).wal_segment_size;
}

runtime::ServerSpec server_spec(const Context& context, const VolumeId& id) {
  runtime::ServerSpec spec{.identity = id.str(),
                           .program = {},
                           .data_directory = data_directory(context, id),
                           .socket_directory = context.home.socket_directory(id),
                           .log_file = context.home.log_file(id),
                           .account = {}};
  const auto volume = context.catalog.volumes.find(id);
  const auto database = volume ? context.catalog.databases.find(volume->database) : std::nullopt;
  if (database) {
    spec.container = container_of(context, *database, *volume);
  }
  return spec;
}

runtime::ServerStatus server_status(const Context& context, const VolumeId& volume) {
  return context.runtime->status(server_spec(context, volume));
}

postgres::Endpoint admin_endpoint(const Context& context, const Branch& branch, const VolumeId& volume) {
  return {.host = context.home.socket_directory(volume).string(),
          .port = branch.port,
          .user = postgres::superuser,
          .database = "postgres"};
}

postgres::Endpoint owner_endpoint(const Context& context, const BranchRef& branch) {
  return {.host = loopback,
          .port = branch.branch.port,
          .user = postgres::owner_role,
          .database = branch.database.pg_database,
          .password = context.secrets.unseal(branch.branch.sealed_password, branch.branch.id.str())};
}

std::chrono::microseconds first_start(Context& context, const BranchRef& branch, Volume& volume, const std::string& password,
                                      const FirstStart& request) {
  const VolumeId id = volume.id;
  const Durability at_last = branch.branch.ephemeral ? Durability::none : Durability::full;
  const Durability at_first = branch.branch.ephemeral            ? Durability::none
                              : volume.state == State::creating ? Durability::synced_at_the_end
                                                                : Durability::full;
  const RestorePlan* recovery = request.restore && request.restore->last_record ? request.restore : nullptr;
  stop_server(context, id);  // a first start that was interrupted before
  runtime::ServerSpec spec = spec_for_first_start(context, branch, volume);
  step("prepare", [&] {
    postgres::forget_source(spec.data_directory);
    write_settings(context, branch, volume, Access::closed, at_first, request.bulk_load);
    if (recovery) {
      prepare_recovery(context, *recovery, spec);
    }
  });
  const auto archive = std::async(std::launch::async, [&, owner = owner_of(context, branch.database)] {
                         if (volume.archived) {
                           make_wal_archive(context, id, owner);
                         }
                       }).share();
  auto verifier = std::async(std::launch::async, [&] { return postgres::scram_verifier(postgres::owner_role, password); });
  const auto started_at = std::chrono::steady_clock::now();
  step(recovery ? "recover" : "start server", [&] {
    if (spec.container) {
      archive.get();  // a container gets what is there when it starts
    }
    try {
      recovery ? recover_server(context, branch, volume, spec) : context.runtime->start(spec, start_deadline);
    } catch (const Error& error) {
      const bool log_goes = volume.state == State::creating && error.code() == ErrorCode::postgres;
      throw log_goes ? explained_by_log(error, spec.log_file) : error;
    }
  });
  const auto start = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_at);
  const postgres::Endpoint admin = admin_endpoint(context, branch.branch, id);
  std::string database = request.settle ? admin.database : branch.database.pg_database;
  step("settle", [&] {
    postgres::Session session = first_session(admin, database);
    check_identity(session, id);
    if (recovery) {
      check_reached(session, *recovery, spec.data_directory);
    }
    postgres::set_owner_password(session, verifier.get());
    if (comes_from_protected(context, volume)) {
      postgres::remove_other_passwords(session);
    }
    postgres::cut_subscriptions(session, admin);
    archive.get();
    if (request.settle) {
      request.settle(session);
    }
  });
  if (volume.parent) {
    volume.fork_lsn = recovery ? recovery->end : postgres::read_control_file(spec.data_directory).redo;
  }
  volume.started = true;
  if (request.base) {
    BranchRef on_volume = branch;
    on_volume.branch.volume = id;
    step("take base", [&] { freeze_into(context, on_volume, {}, *request.base); });
  }
  step("open endpoint", [&] {
    write_manifest(context, branch, volume);
    write_settings(context, branch, volume, Access::open, at_last);
    context.runtime->reload(spec);
    // From here on the server itself makes durable what it writes: PostgreSQL signals its processes before it
    // reads the new hba file. What it wrote before is synced here, as one, beside the first connection.
    auto synced = std::async(std::launch::async, [&] {
      if (at_last == Durability::full) {
        sync_file_system(context.storage->volume_path(id));
      }
    });
    wait_for_endpoint({.host = loopback,
                       .port = branch.branch.port,
                       .user = postgres::owner_role,
                       .database = database,
                       .password = password},
                      id);
    synced.get();
  });
  return recovery ? start : std::chrono::microseconds{};
}

void start_server(Context& context, const BranchRef& branch) {
  Volume volume = volume_of(context, branch.branch);
  if (server_status(context, volume.id).ready) {
    return;
  }
  stop_server(context, volume.id);  // one that is on its way up or down
  require_free_port(branch.branch.port);
  if (!volume.started) {
    first_start(context, branch, volume, owner_endpoint(context, branch).password);
    context.catalog.write([&] { context.catalog.volumes.update(volume); });
    return;
  }
  write_settings(context, branch, volume, Access::open, Durability::full);
  step("start server", [&] { context.runtime->start(spec_to_start(context, branch, volume), start_deadline); });
  step("check endpoint", [&] {
    postgres::Session session(admin_endpoint(context, branch.branch, volume.id));
    check_identity(session, volume.id);
  });
}

void reload_settings(const Context& context, const BranchRef& branch) {
  const Volume volume = volume_of(context, branch.branch);
  if (!server_status(context, volume.id).ready) {
    return;
  }
  postgres::Session session(admin_endpoint(context, branch.branch, volume.id));
  const auto load_time = [&session] { return session.query_value("SELECT pg_conf_load_time()"); };
  const std::string before = load_time();
  step("write settings", [&] { write_settings(context, branch, volume, Access::open, Durability::full); });
  step("reload", [&] {
    context.runtime->reload(server_spec(context, volume.id));
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (load_time() == before && std::chrono::steady_clock::now() < deadline) {
      ::poll(nullptr, 0, 2);  // nothing tells when
    }
    // What only a restart can change counts as an error there, too.
    const auto errors = session.query(
        "SELECT f.name, f.error FROM pg_file_settings f LEFT JOIN pg_settings s ON lower(s.name) = lower(f.name)"
        " WHERE f.error IS NOT NULL AND f.sourcefile = $1 AND NOT coalesce(s.pending_restart, false)",
        {(context.storage->volume_path(volume.id) / postgres::settings_file).string()});
    if (!errors.empty()) {
      throw Error(ErrorCode::usage,
                  fmt::format("the server of {} does not take {}: {}", branch.subject(), errors[0].at(0).value_or("a setting"),
                              errors[0].at(1).value_or("")),
                  fmt::format("'bpg logs {}' says more.", branch.subject()));
    }
    if (load_time() == before) {
      throw Error(ErrorCode::postgres, fmt::format("the server of {} does not read its settings", branch.subject()),
                  fmt::format("'bpg logs {}' says more.", branch.subject()));
    }
  });
}

void wait_until_quiet(const Context& context, const VolumeId& volume) {
  context.runtime->wait_until_quiet(server_spec(context, volume));
}

void stop_server(Context& context, const VolumeId& volume) { end_server(context, volume, &runtime::Runtime::stop); }

void discard_server(Context& context, const VolumeId& volume) { end_server(context, volume, &runtime::Runtime::discard); }

}  // namespace bpg::engine
