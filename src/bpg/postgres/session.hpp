#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpg/util/error.hpp"

struct pg_conn;
struct pg_result;

namespace bpg::postgres {

struct Endpoint {
  std::string host;  ///< an address, or the directory of a Unix socket
  int port = 0;
  std::string user;
  std::string database;
  std::string password{};
};

/// What a server says of a statement that failed.
struct ServerError : Error {
  ServerError(const std::string& message, std::string state, std::string primary_message, std::string its_context)
      : Error(ErrorCode::postgres, message),
        sqlstate(std::move(state)),
        primary(std::move(primary_message)),
        context(std::move(its_context)) {}

  std::string sqlstate;  ///< five characters: PostgreSQL's "Error Codes"
  std::string primary;   ///< without severity, detail, context and position
  std::string context;   ///< such as "COPY orders, line 3"
};

using Row = std::vector<std::optional<std::string>>;

/// One connection to a server. Waits with deadlines and ends early (after cancelling the query) when bpg is
/// interrupted. Used by one thread at a time. Errors are `Error{postgres}` in the server's words.
class Session {
 public:
  static constexpr std::chrono::seconds default_deadline{300};

  explicit Session(const Endpoint& endpoint, std::chrono::milliseconds connect_deadline = std::chrono::seconds(30));
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Runs one statement with text parameters ($1, …); NULL is an empty optional.
  std::vector<Row> query(const std::string& sql, const std::vector<std::string>& parameters = {},
                         std::chrono::milliseconds deadline = default_deadline);

  /// The first column of the first row; throws where there is none or it is NULL.
  std::string query_value(const std::string& sql, const std::vector<std::string>& parameters = {});

  /// Sends a statement without waiting; `finish` waits for it and gives its rows. Nothing else may be asked between.
  void send(const std::string& sql, const std::vector<std::string>& parameters = {});
  std::vector<Row> finish(std::chrono::milliseconds deadline = default_deadline);

  /// Runs one statement as it stands, however long that takes, and forgets its rows. True where it is COPY … FROM STDIN:
  /// then its data must follow (`put_copy_data`, at the end `end_copy`) before anything else is asked. Throws
  /// `ServerError`.
  bool execute(const std::string& statement);
  void put_copy_data(std::string_view data);
  void end_copy();
  bool in_transaction() const;
  /// A setting that the server reports unasked, such as "standard_conforming_strings".
  std::string reported(const std::string& setting) const;

  /// 150008 for 15.8
  int server_version() const;

  std::string quote_identifier(std::string_view name) const;
  std::string quote_literal(std::string_view text) const;

 private:
  struct Closer {
    void operator()(pg_conn* connection) const;
  };
  pg_result* next_result(std::chrono::steady_clock::time_point deadline);

  std::unique_ptr<pg_conn, Closer> m_connection;
};

/// The SCRAM verifier of a role's password, made on this side so that the server's log never sees the password.
/// Needs no server, and a few milliseconds.
std::string scram_verifier(const std::string& role, const std::string& password);

}  // namespace bpg::postgres
