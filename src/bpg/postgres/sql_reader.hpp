#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpg/util/byte_reader.hpp"

namespace bpg::postgres {

/// One statement of a SQL script.
struct Statement {
  std::string text;                ///< without leading comments and without the semicolon
  uint64_t line = 0;               ///< where it begins; the first is 1
  std::vector<std::string> words;  ///< its identifiers outside of quotes and strings in capitals; a quoted one is "\""
};

/// Cuts a SQL script into statements as psql does (psqlscan.l): semicolons in strings, quotes, dollar quotes, comments,
/// parentheses and BEGIN ATOMIC … END bodies end none. A line that begins with a backslash where a statement would is
/// given as a statement of its own: a command of psql's, which nobody runs.
class SqlReader {
 public:
  explicit SqlReader(ByteReader& source) : m_source(source) {}

  /// The next statement; nothing at the end. Throws `Error{failure}` where the script ends inside a string or comment.
  std::optional<Statement> next();

  /// After COPY … FROM stdin: the next part of its data, which begins on the next line and ends with a line "\.". Empty
  /// after the last. Valid until the next call.
  std::string_view next_copy_data();

  /// Whether a backslash escapes in a plain string, too (standard_conforming_strings = off).
  void set_backslash_escapes(bool on) { m_backslash_escapes = on; }

  /// The line that comes next.
  uint64_t line() const { return m_line; }

 private:
  enum class Copying { no, at_line_start, within_line };

  int at(size_t offset);
  void consume(size_t count);
  void skip_space_and_comments();
  size_t after_string(size_t begin, char quote, bool escapes);
  size_t after_comment(size_t begin);
  size_t after_dollar_quote(size_t begin);
  size_t after_word(size_t begin);
  void see_word(const std::string& word, Statement& statement, size_t parentheses, size_t& begins) const;

  ByteReader& m_source;
  std::string m_buffer;
  size_t m_position = 0;  ///< of the next byte in the buffer
  bool m_ended = false;
  uint64_t m_line = 1;
  bool m_backslash_escapes = false;
  Copying m_copying = Copying::no;
  size_t m_given = 0;  ///< bytes of copy data that the caller has now
};

}  // namespace bpg::postgres
