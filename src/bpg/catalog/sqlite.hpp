#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace bpg::catalog {

class Statement;

/// How a value of type T is kept in a column. Specialised below for SQLite's own types and in columns.hpp for ours.
template <class T>
struct Column;

/// An open SQLite file. Its errors are `Error`: `already_exists` for a violated unique index, `refused` for a
/// foreign key, `busy`, `no_space`, `permission`, `environment` for a damaged file.
class Connection {
 public:
  static constexpr std::chrono::milliseconds busy_timeout{5000};

  /// Opens the file for reading and writing, and creates it (0600) where there is none. Waits at most `timeout`
  /// for what another connection holds.
  explicit Connection(const std::filesystem::path& file, std::chrono::milliseconds timeout = busy_timeout);

  const std::filesystem::path& file() const { return m_file; }

  /// One statement with its parameters ?1, ?2, … bound.
  template <class... Values>
  Statement prepare(std::string_view sql, const Values&... values);

  /// Runs one statement that gives no rows; how many rows it changed.
  template <class... Values>
  int run(std::string_view sql, const Values&... values);

  /// Runs any number of statements without parameters.
  void run_script(const std::string& sql);

  bool in_transaction() const;
  int changes() const;
  bool has_changed() const;  ///< whether a row was inserted, changed or deleted since it was opened

  /// The whole store as the bytes of its file.
  std::string serialize() const;

  /// Throws the `Error` for SQLite's result code.
  [[noreturn]] void fail(int code) const;

 private:
  struct Closer {
    void operator()(sqlite3* handle) const;
  };

  std::filesystem::path m_file;
  std::unique_ptr<sqlite3, Closer> m_handle;

  friend class Statement;
  friend class Transaction;
};

/// A prepared statement. Must not outlive its connection.
class Statement {
 public:
  Statement(const Connection& connection, std::string_view sql);

  void bind_null(int index);
  void bind_integer(int index, int64_t value);
  void bind_text(int index, std::string_view value);

  bool is_null(int column) const;
  int64_t integer(int column) const;
  std::string text(int column) const;

  /// Steps to the next row; false after the last.
  bool step();

  /// The next column of the present row.
  template <class T>
  T next() {
    return Column<T>::read(*this, m_column++);
  }

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* handle) const;
  };

  void check(int code) const;

  const Connection* m_connection;
  std::unique_ptr<sqlite3_stmt, Finalizer> m_handle;
  int m_column = 0;
};

/// A transaction: rolled back where it goes without a commit.
class Transaction {
 public:
  enum class Kind {
    read,   ///< what is read inside is of one moment
    write,  ///< BEGIN IMMEDIATE: no other writes until the end
  };

  explicit Transaction(Connection& connection, Kind kind = Kind::write);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Connection& m_connection;
};

template <std::integral T>
struct Column<T> {
  static void bind(Statement& statement, int index, T value) { statement.bind_integer(index, value); }
  static T read(const Statement& statement, int column) { return static_cast<T>(statement.integer(column)); }
};

template <>
struct Column<std::string> {
  static void bind(Statement& statement, int index, std::string_view value) { statement.bind_text(index, value); }
  static std::string read(const Statement& statement, int column) { return statement.text(column); }
};

template <class T>
struct Column<std::optional<T>> {
  static void bind(Statement& statement, int index, const std::optional<T>& value) {
    if (value) {
      Column<T>::bind(statement, index, *value);
    } else {
      statement.bind_null(index);
    }
  }
  static std::optional<T> read(const Statement& statement, int column) {
    return statement.is_null(column) ? std::nullopt : std::optional<T>(Column<T>::read(statement, column));
  }
};

template <class... Values>
Statement Connection::prepare(std::string_view sql, const Values&... values) {
  Statement statement(*this, sql);
  [[maybe_unused]] int index = 0;
  (Column<Values>::bind(statement, ++index, values), ...);
  return statement;
}

template <class... Values>
int Connection::run(std::string_view sql, const Values&... values) {
  prepare(sql, values...).step();
  return changes();
}

}  // namespace bpg::catalog
