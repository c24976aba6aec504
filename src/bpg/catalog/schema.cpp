#include "bpg/catalog/schema.hpp"

#include <array>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::catalog {

namespace {

constexpr int application_id = 0x62706763;  // "bpgc", for file(1) and for telling other programs' files

// Branch and volume name each other, so one of the two rows is written before the one it refers to: keys are checked
// at the end of the transaction, and rows come and go in any order. A snapshot repeats its volume's branch so that an index can keep labels
// unique in a branch.
constexpr std::string_view version_1 = R"sql(
CREATE TABLE setting (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE database (
  id          TEXT NOT NULL PRIMARY KEY,
  name        TEXT NOT NULL,
  pg_major    INTEGER NOT NULL,
  pg_database TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  deleted_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX live_database_name ON database (name) WHERE deleted_at IS NULL;

CREATE TABLE branch (
  id              TEXT NOT NULL PRIMARY KEY,
  database        TEXT NOT NULL REFERENCES database DEFERRABLE INITIALLY DEFERRED,
  name            TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'retired', 'deleting', 'deleted')),
  parent          TEXT REFERENCES branch DEFERRABLE INITIALLY DEFERRED,
  volume          TEXT NOT NULL REFERENCES volume DEFERRABLE INITIALLY DEFERRED,
  port            INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
  sealed_password TEXT NOT NULL,
  wants_running   INTEGER NOT NULL CHECK (wants_running IN (0, 1)),
  switching       INTEGER NOT NULL CHECK (switching IN (0, 1)),
  created_at      INTEGER NOT NULL,
  deleted_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX live_branch_name ON branch (database, name) WHERE state IN ('creating', 'ready', 'deleting');
CREATE UNIQUE INDEX live_branch_port ON branch (port) WHERE state IN ('creating', 'ready', 'deleting');
CREATE INDEX branch_database ON branch (database);
CREATE INDEX branch_parent ON branch (parent);
CREATE INDEX branch_volume ON branch (volume);

CREATE TABLE volume (
  id         TEXT NOT NULL PRIMARY KEY,
  database   TEXT NOT NULL REFERENCES database DEFERRABLE INITIALLY DEFERRED,
  state      TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'retired', 'deleting', 'deleted')),
  branch     TEXT NOT NULL REFERENCES branch DEFERRABLE INITIALLY DEFERRED,
  parent     TEXT REFERENCES volume DEFERRABLE INITIALLY DEFERRED,
  origin     TEXT REFERENCES snapshot DEFERRABLE INITIALLY DEFERRED,
  fork_lsn   INTEGER,
  started    INTEGER NOT NULL CHECK (started IN (0, 1)),
  created_at INTEGER NOT NULL,
  retired_at INTEGER,
  keep_until INTEGER,
  retired_by TEXT NOT NULL,
  UNIQUE (id, branch)
) STRICT;
CREATE INDEX volume_database ON volume (database);
CREATE INDEX volume_branch ON volume (branch);
CREATE INDEX volume_parent ON volume (parent);
CREATE INDEX volume_origin ON volume (origin);

CREATE TABLE snapshot (
  id          TEXT NOT NULL PRIMARY KEY,
  volume      TEXT NOT NULL,
  branch      TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'retired', 'deleting', 'deleted')),
  label       TEXT NOT NULL,
  user        INTEGER NOT NULL CHECK (user IN (0, 1)),
  consistency TEXT NOT NULL CHECK (consistency IN ('checkpoint', 'labelled', 'crash', 'clean')),
  start_lsn   INTEGER,
  stop_lsn    INTEGER,
  created_at  INTEGER NOT NULL,
  FOREIGN KEY (volume, branch) REFERENCES volume (id, branch) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE UNIQUE INDEX snapshot_label ON snapshot (branch, label) WHERE label <> '' AND state <> 'deleted';
CREATE INDEX snapshot_volume ON snapshot (volume, branch);

CREATE TABLE move (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  branch      TEXT NOT NULL REFERENCES branch ON DELETE CASCADE,
  from_volume TEXT NOT NULL REFERENCES volume DEFERRABLE INITIALLY DEFERRED,
  to_volume   TEXT NOT NULL REFERENCES volume DEFERRABLE INITIALLY DEFERRED,
  reason      TEXT NOT NULL,
  at          INTEGER NOT NULL
) STRICT;
CREATE INDEX move_branch ON move (branch);
CREATE INDEX move_from_volume ON move (from_volume);
CREATE INDEX move_to_volume ON move (to_volume);
)sql";

// What a branch may have besides its name: settings of its server, an end, protection.
constexpr std::string_view version_2 = R"sql(
ALTER TABLE branch ADD COLUMN profile TEXT NOT NULL DEFAULT '';
ALTER TABLE branch ADD COLUMN expires_at INTEGER;
ALTER TABLE branch ADD COLUMN protected INTEGER NOT NULL DEFAULT 0 CHECK (protected IN (0, 1));
ALTER TABLE branch ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0 CHECK (ephemeral IN (0, 1));

CREATE TABLE server_setting (
  database TEXT REFERENCES database ON DELETE CASCADE,
  branch   TEXT REFERENCES branch ON DELETE CASCADE,
  name     TEXT NOT NULL,
  value    TEXT NOT NULL,
  CHECK ((database IS NULL) <> (branch IS NULL))
) STRICT;
CREATE UNIQUE INDEX server_setting_database ON server_setting (database, name) WHERE database IS NOT NULL;
CREATE UNIQUE INDEX server_setting_branch ON server_setting (branch, name) WHERE branch IS NOT NULL;
)sql";

// Whose WAL is archived, and what came by recovery.
constexpr std::string_view version_3 = R"sql(
ALTER TABLE branch ADD COLUMN archive INTEGER NOT NULL DEFAULT 1 CHECK (archive IN (0, 1));
UPDATE branch SET archive = 0 WHERE expires_at IS NOT NULL OR ephemeral = 1;
ALTER TABLE volume ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1));
ALTER TABLE volume ADD COLUMN recovered_from TEXT REFERENCES volume DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE snapshot ADD COLUMN completed_at INTEGER;
ALTER TABLE snapshot ADD COLUMN base INTEGER NOT NULL DEFAULT 0 CHECK (base IN (0, 1));
CREATE INDEX volume_recovered_from ON volume (recovered_from);
)sql";

// Snapshots that are made and deleted by a schedule, and the schedules.
constexpr std::string_view version_4 = R"sql(
ALTER TABLE snapshot ADD COLUMN scheduled INTEGER NOT NULL DEFAULT 0 CHECK (scheduled IN (0, 1));

CREATE TABLE snapshot_schedule (
  branch  TEXT NOT NULL PRIMARY KEY REFERENCES branch ON DELETE CASCADE,
  hourly  INTEGER NOT NULL CHECK (hourly >= 0),
  daily   INTEGER NOT NULL CHECK (daily >= 0),
  weekly  INTEGER NOT NULL CHECK (weekly >= 0),
  monthly INTEGER NOT NULL CHECK (monthly >= 0),
  CHECK (hourly + daily + weekly + monthly > 0)
) STRICT;
)sql";

// Databases whose servers run in containers.
constexpr std::string_view version_5 = R"sql(
ALTER TABLE database ADD COLUMN image TEXT;
ALTER TABLE database ADD COLUMN image_id TEXT;
ALTER TABLE database ADD COLUMN image_uid INTEGER;
ALTER TABLE database ADD COLUMN image_gid INTEGER;
)sql";

int64_t pragma(Connection& connection, std::string_view name) {
  Statement query = connection.prepare(fmt::format("PRAGMA {}", name));
  return query.step() ? query.integer(0) : 0;
}

/// The file's version, once it is known to be a catalog of ours and not of a newer bpg. To be called in a
/// transaction: another process may be making the file.
int64_t version_of(Connection& connection, size_t newest) {
  const int64_t version = pragma(connection, "user_version");
  const int64_t owner = pragma(connection, "application_id");
  const bool foreign = version == 0 ? pragma(connection, "page_count") > 1 : owner != application_id;
  if (foreign || version < 0) {
    throw Error(ErrorCode::environment, fmt::format("{} is not a catalog of betterpg", connection.file().string()));
  }
  if (version > static_cast<int64_t>(newest)) {
    throw Error(ErrorCode::environment,
                fmt::format("the catalog {} has version {}, and this bpg knows {}", connection.file().string(),
                            version, newest),
                "Upgrade bpg to the version that wrote it, or a later one.");
  }
  return version;
}

/// Two processes that make the store at once meet here, and SQLite does not wait for this lock by itself.
void use_wal_journal(Connection& connection) {
  const auto deadline = std::chrono::steady_clock::now() + Connection::busy_timeout;
  for (;;) {
    try {
      connection.run("PRAGMA journal_mode = WAL");
      return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::busy || std::chrono::steady_clock::now() > deadline) {
        throw;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

bool is_up_to_date(Connection& connection, size_t newest) {
  const Transaction transaction(connection, Transaction::Kind::read);
  return version_of(connection, newest) == static_cast<int64_t>(newest);
}

void migrate(Connection& connection, std::span<const std::string_view> steps) {
  Transaction transaction(connection);
  // Another process may have been first.
  const auto version = static_cast<size_t>(version_of(connection, steps.size()));
  for (const std::string_view step : steps.subspan(version)) {
    connection.run_script(std::string(step));
  }
  if (connection.prepare("PRAGMA foreign_key_check").step()) {
    throw Error(ErrorCode::environment,
                fmt::format("the catalog {} has rows that refer to nothing", connection.file().string()));
  }
  connection.run_script(
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", application_id, steps.size()));
  transaction.commit();
}

}  // namespace

std::span<const std::string_view> migrations() {
  static constexpr std::array all{version_1, version_2, version_3, version_4, version_5};
  return all;
}

std::unique_ptr<Connection> open_store(const std::filesystem::path& file, std::span<const std::string_view> steps) {
  auto connection = std::make_unique<Connection>(file);
  connection->run("PRAGMA synchronous = FULL");
  // In pages: what stands in the log is read at each opening.
  connection->run("PRAGMA wal_autocheckpoint = 256");
  if (!is_up_to_date(*connection, steps.size())) {
    use_wal_journal(*connection);
    migrate(*connection, steps);
  }
  // After the migrations: a table cannot be rebuilt while its keys are enforced (sqlite.org/lang_altertable.html, 7).
  connection->run("PRAGMA foreign_keys = ON");
  return connection;
}

}  // namespace bpg::catalog
