#pragma once

#include <set>
#include <string>

#include "bpg/postgres/session.hpp"
#include "bpg/postgres/sql_reader.hpp"
#include "bpg/util/byte_reader.hpp"

namespace bpg::postgres {

/// Runs a plain dump over a session of a superuser. It is not psql: no command with a backslash is ever run, so a dump
/// cannot run programs on this side.
///
/// Ownership is not taken over: ALTER … OWNER TO and SET SESSION AUTHORIZATION are passed over, so what is made belongs to
/// the session's role. A role that the dump names otherwise (GRANT, CREATE POLICY) and that does not exist is made, without
/// login. A SET of a parameter that this server does not know (newer pg_dumps write them) is passed over.
class SqlLoader {
 public:
  explicit SqlLoader(Session& session) : m_session(session) {}

  /// Runs the whole script; the first failure ends it, with the server's words and the line.
  void load(ByteReader& script);

  /// Roles that were made because the dump names them.
  const std::set<std::string>& made_roles() const { return m_made_roles; }

 private:
  bool execute(const Statement& statement);
  void make_missing_role(const ServerError& error);

  Session& m_session;
  std::set<std::string> m_made_roles;
};

}  // namespace bpg::postgres
