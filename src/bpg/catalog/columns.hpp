#pragma once

#include <bit>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bpg/catalog/sqlite.hpp"
#include "bpg/core/model.hpp"
#include "bpg/util/error.hpp"

namespace bpg::catalog {

/// Microseconds since 1970 in UTC.
template <>
struct Column<Time> {
  static void bind(Statement& statement, int index, Time value) {
    statement.bind_integer(index, value.time_since_epoch().count());
  }
  static Time read(const Statement& statement, int column) {
    return Time(std::chrono::microseconds(statement.integer(column)));
  }
};

/// SQLite's integers are signed: the same 64 bits.
template <>
struct Column<Lsn> {
  static void bind(Statement& statement, int index, Lsn value) {
    statement.bind_integer(index, std::bit_cast<int64_t>(value.value));
  }
  static Lsn read(const Statement& statement, int column) {
    return Lsn{std::bit_cast<uint64_t>(statement.integer(column))};
  }
};

template <class Kind>
struct Column<Id<Kind>> {
  static void bind(Statement& statement, int index, const Id<Kind>& value) { statement.bind_text(index, value.str()); }
  static Id<Kind> read(const Statement& statement, int column) {
    const std::string text = statement.text(column);
    if (auto id = Id<Kind>::parse(text)) {
      return *id;
    }
    throw Error(ErrorCode::environment, fmt::format("the catalog holds '{}', which is not an id of its kind", text));
  }
};

template <>
struct Column<State> {
  static void bind(Statement& statement, int index, State value) { statement.bind_text(index, to_string(value)); }
  static State read(const Statement& statement, int column) { return parse_state(statement.text(column)); }
};

template <>
struct Column<Consistency> {
  static void bind(Statement& statement, int index, Consistency value) {
    statement.bind_text(index, to_string(value));
  }
  static Consistency read(const Statement& statement, int column) {
    return parse_consistency(statement.text(column));
  }
};

/// All rows of a query, each made by `read`.
template <class Row>
std::vector<Row> all(Statement query, Row (*read)(Statement&)) {
  std::vector<Row> rows;
  while (query.step()) {
    rows.push_back(read(query));
  }
  return rows;
}

/// The first row of a query, if there is one.
template <class Row>
std::optional<Row> first(Statement query, Row (*read)(Statement&)) {
  return query.step() ? std::optional<Row>(read(query)) : std::nullopt;
}

/// Throws unless an update met its row: a caller changed what it had not inserted.
inline void expect_one_row(int changed, std::string_view noun, const std::string& id) {
  if (changed != 1) {
    throw Error(ErrorCode::failure, fmt::format("the catalog has no {} {}", noun, id));
  }
}

}  // namespace bpg::catalog
