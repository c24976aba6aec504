#include "bpg/postgres/sql_loader.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::postgres {

namespace {

using Words = std::vector<std::string>;

constexpr const char* undefined_object = "42704";

bool starts(const Words& words, std::initializer_list<std::string_view> with) {
  return words.size() >= with.size() && std::equal(with.begin(), with.end(), words.begin());
}

bool gives_ownership(const Words& words) {
  const size_t count = words.size();
  return (count >= 5 && words[0] == "ALTER" && words[count - 3] == "OWNER" && words[count - 2] == "TO") ||
         starts(words, {"SET", "SESSION", "AUTHORIZATION"}) || starts(words, {"RESET", "SESSION", "AUTHORIZATION"});
}

/// Statements that name roles and may stand inside a transaction that a missing one must not spoil.
bool may_name_roles(const Words& words) {
  return starts(words, {"GRANT"}) || starts(words, {"REVOKE"}) || starts(words, {"ALTER", "DEFAULT"}) ||
         starts(words, {"CREATE", "POLICY"}) || starts(words, {"CREATE", "USER"}) || starts(words, {"CREATE", "SCHEMA"});
}

/// pg_dump frames its output with these since PostgreSQL 15.14, so that psql runs no command between them.
bool is_frame(std::string_view command) { return command.starts_with("\\restrict ") || command.starts_with("\\unrestrict "); }

void refuse_command(const Statement& statement) {
  if (statement.text.starts_with("\\connect") || statement.text.starts_with("\\c ")) {
    throw Error(ErrorCode::refused, fmt::format("line {} of the dump connects to another database", statement.line),
                "It was made by pg_dumpall or with --create: make it of one database with 'pg_dump', without --create.");
  }
  throw Error(ErrorCode::refused, fmt::format("line {} of the dump is a command of psql's: {}", statement.line,
                                              statement.text.substr(0, statement.text.find_first_of(" \r"))),
              "No such command is run, because it could run any program: take the line out, or load the file with psql.");
}

std::string shortened(std::string_view text) {
  constexpr size_t most = 120;
  std::string line(text.substr(0, text.find('\n')));
  if (line.size() > most) {
    size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) {
      --end;  // not within a character of UTF-8
    }
    line.resize(end);
  }
  return line.size() < text.size() ? line + " …" : line;
}

/// "COPY orders, line 3, column n: "x"" tells the line within the data.
uint64_t line_in_copy(std::string_view context) {
  constexpr std::string_view mark = ", line ";
  uint64_t line = 0;
  if (const size_t at = context.find(mark); context.starts_with("COPY ") && at != std::string_view::npos) {
    std::from_chars(context.data() + at + mark.size(), context.data() + context.size(), line);
  }
  return line;
}

}  // namespace

void SqlLoader::load(ByteReader& script) {
  m_session.execute("SET lc_messages = 'C'");
  SqlReader reader(script);
  while (const auto statement = reader.next()) {
    if (statement->text.starts_with('\\')) {
      if (!is_frame(statement->text)) {
        refuse_command(*statement);
      }
      continue;
    }
    if (gives_ownership(statement->words)) {
      continue;
    }
    if (starts(statement->words, {"CREATE", "DATABASE"})) {
      throw Error(ErrorCode::refused, fmt::format("line {} of the dump makes a database", statement->line),
                  "It was made by pg_dumpall or with --create: make it of one database with 'pg_dump', without --create.");
    }
    uint64_t data_begins = 0;
    try {
      if (execute(*statement)) {
        for (auto data = reader.next_copy_data(); !data.empty(); data = reader.next_copy_data()) {
          data_begins = data_begins ? data_begins : reader.line();
          m_session.put_copy_data(data);
        }
        m_session.end_copy();
      }
    } catch (const ServerError& error) {
      if (error.sqlstate == undefined_object && starts(statement->words, {"SET"}) && !m_session.in_transaction()) {
        continue;
      }
      const uint64_t within = line_in_copy(error.context);
      throw Error(error.code(), fmt::format("line {} of the dump: {}\n  {}", within && data_begins ? data_begins + within - 1 : statement->line,
                                            error.message(), shortened(statement->text)),
                  error.hint());
    }
    if (!statement->words.empty() && (statement->words[0] == "SET" || statement->words[0] == "SELECT")) {
      reader.set_backslash_escapes(m_session.reported("standard_conforming_strings") == "off");
    }
  }
  if (m_session.in_transaction()) {
    throw Error(ErrorCode::failure, "the dump ends inside a transaction", "It is not whole: make it again, or fetch it again.");
  }
}

/// `execute` of the session; where a role is missing, it is made and the statement tried again.
bool SqlLoader::execute(const Statement& statement) {
  const bool inside = m_session.in_transaction();
  if (inside && !may_name_roles(statement.words)) {
    return m_session.execute(statement.text);
  }
  for (;;) {
    if (inside) {
      m_session.execute("SAVEPOINT betterpg");
    }
    try {
      return m_session.execute(statement.text);
    } catch (const ServerError& error) {
      if (inside) {
        m_session.execute("ROLLBACK TO SAVEPOINT betterpg");
      }
      make_missing_role(error);
    }
  }
}

/// Throws the error again where it is not about a missing role.
void SqlLoader::make_missing_role(const ServerError& error) {
  constexpr std::string_view begin = "role \"";
  constexpr std::string_view end = "\" does not exist";
  const std::string& text = error.primary;
  if (error.sqlstate != undefined_object || !text.starts_with(begin) || !text.ends_with(end)) {
    throw error;
  }
  const std::string role = text.substr(begin.size(), text.size() - begin.size() - end.size());
  if (!m_made_roles.insert(role).second) {
    throw error;
  }
  m_session.execute(fmt::format("CREATE ROLE {} NOLOGIN", m_session.quote_identifier(role)));
}

}  // namespace bpg::postgres
