#include "bpg/postgres/sql_reader.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::postgres {

namespace {

constexpr size_t chunk = size_t{1} << 18;
constexpr size_t most_words = 4096;  // what is asked of them is told by the first and the last few

bool is_word_start(int c) { return std::isalpha(c) || c == '_' || c >= 0x80; }
bool is_word(int c) { return is_word_start(c) || std::isdigit(c) || c == '$'; }
bool is_space(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

}  // namespace

/// The byte at an offset from the present position; -1 beyond the end.
int SqlReader::at(size_t offset) {
  while (m_position + offset >= m_buffer.size() && !m_ended) {
    if (m_position > chunk) {
      m_buffer.erase(0, m_position);
      m_position = 0;
    }
    const size_t before = m_buffer.size();
    m_buffer.resize(before + chunk);
    const size_t count = m_source.read(std::span(m_buffer).subspan(before));
    m_buffer.resize(before + count);
    m_ended = count == 0;
  }
  return m_position + offset < m_buffer.size() ? static_cast<unsigned char>(m_buffer[m_position + offset]) : -1;
}

void SqlReader::consume(size_t count) {
  const auto begin = m_buffer.begin() + static_cast<ptrdiff_t>(m_position);
  m_line += static_cast<uint64_t>(std::count(begin, begin + static_cast<ptrdiff_t>(count), '\n'));
  m_position += count;
}

size_t SqlReader::after_comment(size_t i) {
  if (at(i) == '-') {
    while (at(i) >= 0 && at(i) != '\n') {
      ++i;
    }
    return i;
  }
  int depth = 0;
  do {
    if (at(i) < 0) {
      throw Error(ErrorCode::failure, fmt::format("the script ends inside a comment that begins after line {}", m_line));
    }
    if (at(i) == '/' && at(i + 1) == '*') {
      ++depth;
      i += 2;
    } else if (at(i) == '*' && at(i + 1) == '/') {
      --depth;
      i += 2;
    } else {
      ++i;
    }
  } while (depth > 0);
  return i;
}

size_t SqlReader::after_string(size_t i, char quote, bool escapes) {
  for (++i;; ++i) {
    const int c = at(i);
    if (c < 0) {
      throw Error(ErrorCode::failure, fmt::format("the script ends inside a string of the statement at line {}", m_line));
    }
    if (c == '\\' && escapes) {
      ++i;
    } else if (c == quote && at(i + 1) == quote) {
      ++i;
    } else if (c == quote) {
      return i + 1;
    }
  }
}

/// After a whole dollar-quoted string, or after the dollar sign where none begins here.
size_t SqlReader::after_dollar_quote(size_t i) {
  size_t end = i + 1;
  if (is_word_start(at(end))) {
    while (is_word(at(end)) && at(end) != '$') {
      ++end;
    }
  }
  if (at(end) != '$') {
    return i + 1;
  }
  const std::string tag = m_buffer.substr(m_position + i, end + 1 - i);
  size_t from = end + 1;
  for (;;) {
    const size_t found = m_buffer.find(tag, m_position + from);
    if (found != std::string::npos) {
      return found - m_position + tag.size();
    }
    const size_t have = m_buffer.size() - m_position;
    from = std::max(from, have - std::min(have, tag.size()));
    if (at(have) < 0) {
      throw Error(ErrorCode::failure, fmt::format("the script ends inside {} of the statement at line {}", tag, m_line));
    }
  }
}

size_t SqlReader::after_word(size_t i) {
  while (is_word(at(i))) {
    ++i;
  }
  return i;
}

void SqlReader::skip_space_and_comments() {
  for (;;) {
    size_t i = 0;
    while (is_space(at(i)) || at(i) == ';') {
      ++i;
    }
    const bool comment = (at(i) == '-' && at(i + 1) == '-') || (at(i) == '/' && at(i + 1) == '*');
    if (comment) {
      i = after_comment(i);
    }
    consume(i);
    if (!comment) {
      return;
    }
  }
}

/// Counts in `begins` how many BEGIN and CASE of a routine's SQL body are open, as psqlscan.l does.
void SqlReader::see_word(const std::string& word, Statement& statement, size_t parentheses, size_t& begins) const {
  const auto& words = statement.words;
  const size_t noun = words.size() > 2 && words[1] == "OR" && words[2] == "REPLACE" ? 3 : 1;
  const bool routine = words.size() > noun && words[0] == "CREATE" && (words[noun] == "FUNCTION" || words[noun] == "PROCEDURE");
  if (routine && parentheses == 0) {
    if (word == "BEGIN" || (word == "CASE" && begins > 0)) {
      ++begins;
    } else if (word == "END" && begins > 0) {
      --begins;
    }
  }
  if (statement.words.size() == most_words) {
    statement.words.erase(statement.words.begin() + most_words / 2);
  }
  statement.words.push_back(word);
}

std::optional<Statement> SqlReader::next() {
  skip_space_and_comments();
  if (at(0) < 0) {
    return std::nullopt;
  }
  Statement statement{.text = {}, .line = m_line, .words = {}};
  size_t i = 0;
  if (at(0) == '\\') {
    while (at(i) >= 0 && at(i) != '\n') {
      ++i;
    }
    statement.text = m_buffer.substr(m_position, i);
    consume(i);
    return statement;
  }
  size_t parentheses = 0;
  size_t begins = 0;
  for (;;) {
    const int c = at(i);
    if (c < 0 || (c == ';' && parentheses == 0 && begins == 0)) {
      break;
    }
    if (is_word_start(c)) {
      const size_t end = after_word(i);
      std::string word = m_buffer.substr(m_position + i, end - i);
      std::ranges::transform(word, word.begin(), [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
      i = end;
      if (word == "E" && at(i) == '\'') {
        i = after_string(i, '\'', true);
      } else {
        see_word(word, statement, parentheses, begins);
      }
    } else if (std::isdigit(c)) {
      i = after_word(i);
    } else if (c == '\'') {
      i = after_string(i, '\'', m_backslash_escapes);
    } else if (c == '"') {
      i = after_string(i, '"', false);
      see_word("\"", statement, parentheses, begins);
    } else if (c == '$') {
      i = after_dollar_quote(i);
    } else if ((c == '-' && at(i + 1) == '-') || (c == '/' && at(i + 1) == '*')) {
      i = after_comment(i);
    } else {
      parentheses += c == '(' ? 1 : 0;
      parentheses -= c == ')' && parentheses > 0 ? 1 : 0;
      ++i;
    }
  }
  statement.text = m_buffer.substr(m_position, i);
  consume(at(i) == ';' ? i + 1 : i);
  return statement;
}

std::string_view SqlReader::next_copy_data() {
  consume(m_given);
  m_given = 0;
  if (m_copying == Copying::no) {
    size_t i = 0;
    while (at(i) >= 0 && at(i) != '\n') {
      ++i;
    }
    consume(at(i) < 0 ? i : i + 1);
    m_copying = Copying::at_line_start;
  }
  // The marker with its line break, and the byte before it.
  constexpr size_t longest_marker = 5;
  at(longest_marker);
  const auto ends_at = [this](size_t i) {
    return at(i) == '\\' && at(i + 1) == '.' &&
           (at(i + 2) < 0 || at(i + 2) == '\n' || (at(i + 2) == '\r' && (at(i + 3) == '\n' || at(i + 3) < 0)));
  };
  if (at(0) < 0 || (m_copying == Copying::at_line_start && ends_at(0))) {
    if (at(0) < 0) {
      throw Error(ErrorCode::failure, fmt::format("the script ends in the data of a COPY, at line {}", m_line),
                  "The dump is not whole: make it again, or fetch it again.");
    }
    size_t i = 2;
    while (at(i) >= 0 && at(i) != '\n') {
      ++i;
    }
    consume(at(i) < 0 ? i : i + 1);
    m_copying = Copying::no;
    return {};
  }
  size_t end = m_buffer.size() - m_position;
  for (size_t found = m_position; (found = m_buffer.find("\n\\.", found)) != std::string::npos; ++found) {
    // Where the buffer ends too early to tell, the marker is looked at again at the beginning of the next part.
    if (m_buffer.size() - found < longest_marker || ends_at(found - m_position + 1)) {
      end = found - m_position + 1;
      break;
    }
  }
  if (end > 1 && m_buffer.compare(m_position + end - 2, 2, "\n\\") == 0) {
    --end;
  }
  m_copying = m_buffer[m_position + end - 1] == '\n' ? Copying::at_line_start : Copying::within_line;
  m_given = end;
  return std::string_view(m_buffer).substr(m_position, end);
}

}  // namespace bpg::postgres
