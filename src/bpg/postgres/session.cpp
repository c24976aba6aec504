#include "bpg/postgres/session.hpp"

#include <poll.h>

#include <cerrno>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "bpg/postgres/data_directory.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"

namespace bpg::postgres {

namespace {

using Clock = std::chrono::steady_clock;

struct ResultClearer {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ResultClearer>;

struct Freer {
  void operator()(char* text) const { PQfreemem(text); }
};
using Text = std::unique_ptr<char, Freer>;

Error server_error(std::string_view message) { return Error(ErrorCode::postgres, std::string(trim(message))); }

/// Waits for the socket; false when the deadline passes or bpg is interrupted.
bool wait_for(PGconn* connection, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      return false;
    }
    pollfd polled[2] = {{PQsocket(connection), events, 0}, {interrupt_fd(), POLLIN, 0}};
    const int ready = ::poll(polled, 2, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) {
      throw system_error(errno, "cannot poll");
    }
    if (polled[1].revents != 0) {
      return false;
    }
    if (ready > 0 && polled[0].revents != 0) {
      return true;
    }
  }
}

/// A branch may have settings that would end our own sessions, or keep them from working: these go first (libpq's
/// `options`). Only a superuser may say which libraries a session loads.
std::string own_options(const Endpoint& endpoint) {
  std::string options =
      "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"
      " -c default_transaction_read_only=off -c exit_on_error=off -c local_preload_libraries=";
  if (endpoint.user == superuser) {
    options += " -c session_preload_libraries=";
  }
  return options;
}

void cancel(PGconn* connection) {
  if (PGcancel* cancellation = PQgetCancel(connection)) {
    char error[256];
    PQcancel(cancellation, error, sizeof error);
    PQfreeCancel(cancellation);
  }
}

std::string field_of(const PGresult* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text ? text : "";
}

ServerError error_of(const PGresult* result) {
  return {std::string(trim(PQresultErrorMessage(result))), field_of(result, PG_DIAG_SQLSTATE),
          field_of(result, PG_DIAG_MESSAGE_PRIMARY), field_of(result, PG_DIAG_CONTEXT)};
}

std::vector<Row> rows_of(const PGresult* result) {
  std::vector<Row> rows(static_cast<size_t>(PQntuples(result)));
  const int columns = PQnfields(result);
  for (size_t r = 0; r < rows.size(); ++r) {
    for (int c = 0; c < columns; ++c) {
      const int row = static_cast<int>(r);
      rows[r].push_back(PQgetisnull(result, row, c) ? std::nullopt
                                                    : std::optional<std::string>(PQgetvalue(result, row, c)));
    }
  }
  return rows;
}

}  // namespace

void Session::Closer::operator()(pg_conn* connection) const { PQfinish(connection); }
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Session::Session(const Endpoint& endpoint, std::chrono::milliseconds connect_deadline) {
  const std::string port = fmt::format("{}", endpoint.port);
  const std::string options = own_options(endpoint);
  // passfile: none, or an entry of the user's ~/.pgpass would answer for a wrong password.
  const char* const keys[] = {"host", "port", "user", "dbname", "password", "application_name",
                              "passfile", "client_encoding", "sslmode", "gssencmode", "options", nullptr};
  const char* const values[] = {endpoint.host.c_str(), port.c_str(), endpoint.user.c_str(),
                                endpoint.database.c_str(), endpoint.password.c_str(), "bpg",
                                "/dev/null/none", "UTF8", "disable", "disable", options.c_str(), nullptr};
  const auto deadline = Clock::now() + connect_deadline;
  m_connection.reset(PQconnectStartParams(keys, values, 0));
  PGconn* connection = m_connection.get();
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  if (PQstatus(connection) == CONNECTION_BAD) {
    status = PGRES_POLLING_FAILED;
  }
  while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
    if (!wait_for(connection, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
      throw_if_interrupted();
      throw server_error(fmt::format("no answer from the server at {} port {}", endpoint.host, endpoint.port));
    }
    status = PQconnectPoll(connection);
  }
  if (status != PGRES_POLLING_OK) {
    throw server_error(PQerrorMessage(connection));
  }
  PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
  constexpr int has_idle_session_timeout = 140000;  // an older one would refuse the option
  if (endpoint.user == superuser && server_version() >= has_idle_session_timeout) {
    query("SET idle_session_timeout = 0");
  }
}

void Session::send(const std::string& sql, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) {
    values.push_back(parameter.c_str());
  }
  if (!PQsendQueryParams(m_connection.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                         nullptr, nullptr, 0)) {
    throw server_error(PQerrorMessage(m_connection.get()));
  }
}

/// The next result of what was sent; null after the last.
pg_result* Session::next_result(Clock::time_point deadline) {
  PGconn* connection = m_connection.get();
  while (PQisBusy(connection)) {
    if (!wait_for(connection, POLLIN, deadline)) {
      cancel(connection);
      throw_if_interrupted();
      throw server_error("the server did not answer in time");
    }
    if (!PQconsumeInput(connection)) {
      throw server_error(PQerrorMessage(connection));
    }
  }
  return PQgetResult(connection);
}

std::vector<Row> Session::finish(std::chrono::milliseconds deadline) {
  const auto end = Clock::now() + deadline;
  std::vector<Row> rows;
  std::optional<ServerError> failure;
  while (const Result result{next_result(end)}) {
    switch (PQresultStatus(result.get())) {
      case PGRES_TUPLES_OK:
        rows = rows_of(result.get());
        break;
      case PGRES_COMMAND_OK:
        break;
      default:
        failure = error_of(result.get());
    }
  }
  if (failure) {
    throw *failure;
  }
  return rows;
}

bool Session::execute(const std::string& statement) {
  if (!PQsendQuery(m_connection.get(), statement.c_str())) {
    throw server_error(PQerrorMessage(m_connection.get()));
  }
  const auto whenever = Clock::now() + std::chrono::hours(24 * 365);
  std::optional<ServerError> failure;
  while (const Result result{next_result(whenever)}) {
    switch (PQresultStatus(result.get())) {
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY:
        break;
      case PGRES_COPY_IN:
        return true;
      case PGRES_COPY_OUT:
        throw server_error("COPY … TO STDOUT has no place to write to");
      default:
        failure = error_of(result.get());
    }
  }
  if (failure) {
    throw *failure;
  }
  return false;
}

void Session::put_copy_data(std::string_view data) {
  throw_if_interrupted();
  if (PQputCopyData(m_connection.get(), data.data(), static_cast<int>(data.size())) != 1) {
    end_copy();  // throws what the server said
  }
}

void Session::end_copy() {
  PQputCopyEnd(m_connection.get(), nullptr);
  finish(std::chrono::hours(24 * 365));
}

bool Session::in_transaction() const { return PQtransactionStatus(m_connection.get()) == PQTRANS_INTRANS; }

std::string Session::reported(const std::string& setting) const {
  const char* value = PQparameterStatus(m_connection.get(), setting.c_str());
  return value ? value : "";
}

std::vector<Row> Session::query(const std::string& sql, const std::vector<std::string>& parameters,
                                std::chrono::milliseconds deadline) {
  send(sql, parameters);
  return finish(deadline);
}

std::string Session::query_value(const std::string& sql, const std::vector<std::string>& parameters) {
  const auto rows = query(sql, parameters);
  if (rows.empty() || rows[0].empty() || !rows[0][0]) {
    throw Error(ErrorCode::postgres, fmt::format("the server gave no value for: {}", sql));
  }
  return *rows[0][0];
}

int Session::server_version() const { return PQserverVersion(m_connection.get()); }

std::string Session::quote_identifier(std::string_view name) const {
  return Text(PQescapeIdentifier(m_connection.get(), name.data(), name.size())).get();
}

std::string Session::quote_literal(std::string_view text) const {
  return Text(PQescapeLiteral(m_connection.get(), text.data(), text.size())).get();
}

std::string scram_verifier(const std::string& role, const std::string& password) {
  // libpq wants a connection object, which need not be connected when the method is given.
  const std::unique_ptr<PGconn, decltype(&PQfinish)> unconnected(PQconnectStart("host=/nonexistent"), &PQfinish);
  const Text verifier(PQencryptPasswordConn(unconnected.get(), password.c_str(), role.c_str(), "scram-sha-256"));
  if (!verifier) {
    throw server_error(PQerrorMessage(unconnected.get()));
  }
  return verifier.get();
}

}  // namespace bpg::postgres
