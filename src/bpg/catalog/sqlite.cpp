#include "bpg/catalog/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <cerrno>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/fd.hpp"

namespace bpg::catalog {

namespace {

void create_private(const std::filesystem::path& file) {
  // Only where there is none: closing a descriptor of an open SQLite file would drop this process's locks on it
  // (sqlite.org/howtocorrupt.html, 2.2).
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd && errno != EEXIST) {
    throw system_error(errno, fmt::format("cannot create {}", file.string()));
  }
}

/// "UNIQUE constraint failed: branch.database, branch.name" is about a branch and its name.
std::string describe_conflict(std::string_view message) {
  const size_t table = message.rfind(' ') + 1;
  const size_t dot = message.find('.', table);
  if (dot == std::string_view::npos) {
    return std::string(message);
  }
  return fmt::format("another {} has this {}", message.substr(table, dot - table), message.substr(dot + 1));
}

}  // namespace

void Connection::Closer::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Connection::Connection(const std::filesystem::path& file, std::chrono::milliseconds timeout) : m_file(file) {
  create_private(file);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr);
  m_handle.reset(handle);
  if (code != SQLITE_OK) {
    fail(code);
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(timeout.count()));
  // Else each command that is alone would write its log back and remove it, and the next make it anew: five syncs.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void Connection::run_script(const std::string& sql) {
  const int code = sqlite3_exec(m_handle.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    fail(code);
  }
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(m_handle.get()) == 0; }

int Connection::changes() const { return sqlite3_changes(m_handle.get()); }

bool Connection::has_changed() const { return sqlite3_total_changes64(m_handle.get()) > 0; }

std::string Connection::serialize() const {
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, decltype(&sqlite3_free)> bytes(sqlite3_serialize(m_handle.get(), "main", &size, 0), sqlite3_free);
  if (!bytes) {
    fail(SQLITE_NOMEM);
  }
  return {reinterpret_cast<const char*>(bytes.get()), static_cast<size_t>(size)};
}

void Connection::fail(int code) const {
  const std::string said = m_handle ? sqlite3_errmsg(m_handle.get()) : sqlite3_errstr(code);
  const std::string file = m_file.string();
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      throw Error(ErrorCode::already_exists, describe_conflict(said));
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      throw Error(ErrorCode::refused, "a row of the catalog refers to one that is not there");
    default:
      break;
  }
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::busy, fmt::format("the catalog {} is in use by another process", file),
                  "Try again in a moment.");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(ErrorCode::environment, fmt::format("the catalog {} is damaged: {}", file, said),
                  "Move it away: 'bpg init' then puts back the copy that is kept beside it. Running servers are not affected.");
    case SQLITE_FULL:
      throw system_error(ENOSPC, fmt::format("cannot write the catalog {}", file));
    case SQLITE_READONLY:
    case SQLITE_PERM:
      throw Error(ErrorCode::permission, fmt::format("cannot write the catalog {}: {}", file, said));
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      if (const int error = m_handle ? sqlite3_system_errno(m_handle.get()) : 0; error != 0) {
        throw system_error(error, fmt::format("cannot use the catalog {}", file));
      }
      break;
    default:
      break;
  }
  throw Error(ErrorCode::environment, fmt::format("cannot use the catalog {}: {}", file, said));
}

void Statement::Finalizer::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Statement::Statement(const Connection& connection, std::string_view sql) : m_connection(&connection) {
  sqlite3_stmt* handle = nullptr;
  check(sqlite3_prepare_v2(connection.m_handle.get(), sql.data(), static_cast<int>(sql.size()), &handle, nullptr));
  m_handle.reset(handle);
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) {
    m_connection->fail(code);
  }
}

void Statement::bind_null(int index) { check(sqlite3_bind_null(m_handle.get(), index)); }

void Statement::bind_integer(int index, int64_t value) { check(sqlite3_bind_int64(m_handle.get(), index, value)); }

void Statement::bind_text(int index, std::string_view value) {
  // A null pointer would bind NULL.
  const char* data = value.empty() ? "" : value.data();
  check(sqlite3_bind_text64(m_handle.get(), index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

bool Statement::is_null(int column) const { return sqlite3_column_type(m_handle.get(), column) == SQLITE_NULL; }

int64_t Statement::integer(int column) const { return sqlite3_column_int64(m_handle.get(), column); }

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(m_handle.get(), column));
  return data ? std::string(data, static_cast<size_t>(sqlite3_column_bytes(m_handle.get(), column))) : std::string();
}

bool Statement::step() {
  m_column = 0;
  const int code = sqlite3_step(m_handle.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    m_connection->fail(code);
  }
  return code == SQLITE_ROW;
}

Transaction::Transaction(Connection& connection, Kind kind) : m_connection(connection) {
  connection.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  // Committed, or rolled back already by SQLite itself (sqlite.org/lang_transaction.html, "Response To Errors").
  if (m_connection.in_transaction()) {
    sqlite3_exec(m_connection.m_handle.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() { m_connection.run("COMMIT"); }

}  // namespace bpg::catalog
