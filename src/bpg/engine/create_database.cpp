#include "bpg/engine/create_database.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/clone.hpp"
#include "bpg/engine/load_dump.hpp"
#include "bpg/engine/lock.hpp"
#include "bpg/engine/making.hpp"
#include "bpg/engine/manifest.hpp"
#include "bpg/engine/port.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/server_host.hpp"
#include "bpg/engine/setting_layers.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/installation.hpp"
#include "bpg/postgres/roles.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

/// The rows of a database that is to be made, and its first password.
struct NewDatabase {
  BranchRef branch;
  std::string password = random_password();
};

/// Throws where the server would not take the settings that it is to have.
void check_settings(const Context& context, const CreateDatabase& request, const Database& database) {
  engine::check_settings(context, database,
                         merge_settings(settings_of(choose_profile(context, request.profile)), request.settings));
}

NewDatabase new_database(const Context& context, const CreateDatabase& request, int pg_major, const std::optional<Image>& image) {
  const Time now = context.clock.now();
  const BranchId branch = BranchId::make();
  const DatabaseId database = DatabaseId::make();
  NewDatabase made{{{.id = database,
                     .name = request.name,
                     .pg_major = pg_major,
                     .pg_database = request.name,
                     .image = image,
                     .created_at = now},
                    {.id = branch,
                     .database = database,
                     .name = std::string(main_branch),
                     .volume = VolumeId::make(),
                     .profile = request.profile,
                     .archive = request.archive,
                     .created_at = now}}};
  made.branch.branch.sealed_password = context.secrets.seal(made.password, branch.str());
  return made;
}

/// In a transaction.
void store_intent(Context& context, BranchRef& branch, const CreateDatabase& request) {
  refuse_taken_database_name(context, branch.database.name);
  branch.branch.port = choose_port(context);
  context.catalog.databases.insert(branch.database);
  context.catalog.branches.insert(branch.branch);
  for (const ServerSetting& setting : request.settings) {
    context.catalog.settings.set(branch.database.id, setting);
  }
}

/// In a transaction.
void store_result(Context& context, BranchRef& branch) {
  branch.branch.state = State::ready;
  context.catalog.databases.update(branch.database);
  context.catalog.branches.update(branch.branch);
}

void make_extensions(const Context& context, const BranchRef& branch, const CreateDatabase& request) {
  if (!request.extensions.empty()) {
    step("create extensions", [&] {
      postgres::Endpoint endpoint = admin_endpoint(context, branch.branch, branch.branch.volume);
      endpoint.database = branch.database.pg_database;
      postgres::Session session(endpoint);
      postgres::create_extensions(session, request.extensions);
    });
  }
}

BranchView create_from_nothing(Context& context, const CreateDatabase& request) {
  const Host host = find_host(context, request.host);
  NewDatabase made = new_database(context, request, host.pg_major, host.image);
  BranchRef& branch = made.branch;
  check_settings(context, request, branch.database);
  std::optional<Dump> dump;
  if (request.dump) {
    dump = open_dump(*request.dump);
  }
  Volume volume{.id = branch.branch.volume,
                .database = branch.database.id,
                .branch = branch.branch.id,
                .archived = request.archive,
                .created_at = branch.branch.created_at};
  std::optional<Snapshot> base;
  if (volume.archived) {
    base = new_base(volume);
  }
  Making making(context, volume.id, [&] {
    store_intent(context, branch, request);
    context.catalog.volumes.insert(volume);
    if (base) {
      context.catalog.snapshots.insert(*base);
    }
  });
  step("create volume", [&] {
    context.storage->create_volume(volume.id, owner_of(context, branch.database), labels_of(branch, volume));
  });
  step("initdb", [&] {
    make_cluster(context, branch.database, host, data_directory(context, volume.id), {.wal_segment_size = request.wal_segment_size});
  });
  const auto settle = [&](postgres::Session& session) {
    postgres::check_extensions(session, request.extensions);
    postgres::create_database(session, request.name);
    make_extensions(context, branch, request);
    if (dump) {
      load_dump(context, branch, *dump);
    }
  };
  first_start(context, branch, volume, made.password,
              {.settle = settle, .bulk_load = dump.has_value(), .base = base ? &*base : nullptr});
  making.done([&] {
    store_result(context, branch);
    if (base) {
      context.catalog.snapshots.update(*base);
    }
    volume.state = State::ready;
    context.catalog.volumes.update(volume);
  });
  return view(context, branch);
}

CloneSource find_template(const Context& context, const CreateDatabase& request) {
  CloneSource source = find_clone_source(context, find_branch(context, request.from->subject), request.from->moment);
  const int major = source.branch.database.pg_major;
  if (!request.host.runtime.empty() || !request.host.image.empty()) {
    throw Error(ErrorCode::refused, "what is cut from a branch runs where that one runs",
                "Leave --runtime and --image out; to move it, load a dump of it with --from-dump.");
  }
  if (request.host.pg_major && *request.host.pg_major != major) {
    throw Error(ErrorCode::refused,
                fmt::format("{} is of PostgreSQL {}, and so is what is cut from it", source.branch.subject(), major),
                "Leave --pg-version out; to change the version, load a dump of it with --from-dump.");
  }
  if (request.wal_segment_size) {
    throw Error(ErrorCode::refused, fmt::format("what is cut from {} has WAL segments of the same size", source.branch.subject()),
                "Leave --wal-segment-size out; to change the size, load a dump of it with --from-dump.");
  }
  return source;
}

/// Renames the database that came along, unless that is not possible: bpg itself needs "postgres", and another may have the
/// name. What it is called then.
std::string rename_within(postgres::Session& session, const std::string& from, const std::string& to) {
  if (from == to || from == "postgres" || !session.query("SELECT FROM pg_database WHERE datname = $1", {to}).empty()) {
    return from;
  }
  session.query(fmt::format("ALTER DATABASE {} RENAME TO {}", session.quote_identifier(from), session.quote_identifier(to)));
  return to;
}

/// What somebody set for the source holds for the new database, too, unless the request says otherwise. In a transaction.
void copy_settings(Context& context, const BranchRef& from, const BranchRef& to, const CreateDatabase& request) {
  const auto& asked_for = request.settings;
  const auto is_left_open = [&](const ServerSetting& setting) {
    return std::ranges::find(asked_for, setting.name, &ServerSetting::name) == asked_for.end();
  };
  for (const ServerSetting& setting : context.catalog.settings.of(from.database.id)) {
    if (is_left_open(setting)) {
      context.catalog.settings.set(to.database.id, setting);
    }
  }
  for (const ServerSetting& setting : context.catalog.settings.of(from.branch.id)) {
    if (is_left_open(setting)) {
      context.catalog.settings.set(to.branch.id, setting);
    }
  }
}

BranchView create_from_template(Context& context, const CreateDatabase& request) {
  CloneSource source = find_template(context, request);
  check_settings(context, request, source.branch.database);
  const FileLock source_lock = lock_branch(context, source.branch.branch, FileLock::Mode::shared);
  source.branch = find_branch_again(context, source.branch);
  plan_restore_of(context, source);

  NewDatabase made = new_database(context, request, source.branch.database.pg_major, source.branch.database.image);
  BranchRef& branch = made.branch;
  branch.database.pg_database = source.branch.database.pg_database;
  ClonePlan plan = plan_clone(context, source, branch.branch.id, request.archive);
  plan.volume.database = branch.database.id;
  branch.branch.volume = plan.volume.id;
  Making making(context, plan.volume.id, [&] {
    store_intent(context, branch, request);
    copy_settings(context, source.branch, branch, request);
    store_plan(context, source, plan);
  });
  make_clone(context, branch, source, plan);
  const auto settle = [&](postgres::Session& session) {
    postgres::check_extensions(session, request.extensions);
    branch.database.pg_database = rename_within(session, branch.database.pg_database, request.name);
    make_extensions(context, branch, request);
  };
  plan.replay = first_start(context, branch, plan.volume, made.password, to_start(source, plan, settle));
  making.done([&] {
    store_result(context, branch);
    store_clone(context, source, plan);
  });
  BranchView cut = view(context, branch);
  cut.restored = source.restore;
  return cut;
}

}  // namespace

void check_database_name(const std::string& name) {
  check_name("database", name);
  // The others' names become those of databases in their cluster.
  if (name == "template0" || name == "template1") {
    throw Error(ErrorCode::usage, fmt::format("'{}' is a name of PostgreSQL's own", name), "Choose another name.");
  }
}

void refuse_taken_database_name(const Context& context, const std::string& name) {
  if (context.catalog.databases.find_live(name)) {
    throw Error(ErrorCode::already_exists, fmt::format("database '{}' exists already", name),
                "'bpg db list' shows what there is.");
  }
}

BranchView create_database(Context& context, const CreateDatabase& request) {
  check_database_name(request.name);
  refuse_taken_database_name(context, request.name);
  require_space(context);
  return request.from ? create_from_template(context, request) : create_from_nothing(context, request);
}

}  // namespace bpg::engine
