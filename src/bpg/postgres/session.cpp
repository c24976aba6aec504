#include "bpg/postgres/session.hpp"

#include <poll.h>

#include <cerrno>

#include <fmt/format.h>
#include <libpq-fe.h>

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

void cancel(PGconn* connection) {
  if (PGcancel* cancellation = PQgetCancel(connection)) {
    char error[256];
    PQcancel(cancellation, error, sizeof error);
    PQfreeCancel(cancellation);
  }
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
  // passfile: none, or an entry of the user's ~/.pgpass would answer for a wrong password.
  const char* const keys[] = {"host", "port", "user", "dbname", "password", "application_name",
                              "passfile", "client_encoding", "sslmode", "gssencmode", nullptr};
  const char* const values[] = {endpoint.host.c_str(), port.c_str(), endpoint.user.c_str(),
                                endpoint.database.c_str(), endpoint.password.c_str(), "bpg",
                                "/dev/null/none", "UTF8", "disable", "disable", nullptr};
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

std::vector<Row> Session::finish(std::chrono::milliseconds deadline) {
  PGconn* connection = m_connection.get();
  const auto end = Clock::now() + deadline;
  std::vector<Row> rows;
  std::optional<Error> failure;
  for (;;) {
    while (PQisBusy(connection)) {
      if (!wait_for(connection, POLLIN, end)) {
        cancel(connection);
        throw_if_interrupted();
        throw server_error(fmt::format("the server did not answer within {}", format_duration(deadline)));
      }
      if (!PQconsumeInput(connection)) {
        throw server_error(PQerrorMessage(connection));
      }
    }
    const Result result(PQgetResult(connection));
    if (!result) {
      break;
    }
    switch (PQresultStatus(result.get())) {
      case PGRES_TUPLES_OK:
        rows = rows_of(result.get());
        break;
      case PGRES_COMMAND_OK:
        break;
      default:
        failure = server_error(PQresultErrorMessage(result.get()));
    }
  }
  if (failure) {
    throw *failure;
  }
  return rows;
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
