#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bpg/util/terminal.hpp"

namespace bpg {

/// Rows of text in columns, for people. Columns are as wide as their widest cell; where the lines would not fit the
/// screen, columns give way in the order that they name, and a line is never broken.
class Table {
 public:
  enum class Align { left, right };

  struct Column {
    std::string title;
    Align align = Align::left;
    int yields = 0;        ///< the lowest gives way first; 0: only when all others have
    size_t shrink_to = 0;  ///< gives way by becoming this narrow, its cells ending in "…"; 0: by going
  };

  /// Plain text, from wherever; what is not printable is made so.
  struct Cell {
    Cell(std::string words) : text(std::move(words)) {}
    Cell(const char* words) : text(words) {}
    Cell(std::string words, Colour which) : text(std::move(words)), colour(which) {}

    std::string text;
    Colour colour = Colour::none;
  };

  explicit Table(std::vector<Column> columns) : m_columns(std::move(columns)) {}

  /// One cell for each column.
  void add(std::vector<Cell> cells) { m_rows.push_back(std::move(cells)); }

  /// Every line ends with a line break and has no trailing blanks.
  std::string str(const Screen& screen = {}) const;

 private:
  std::vector<size_t> widths(size_t limit) const;

  std::vector<Column> m_columns;
  std::vector<std::vector<Cell>> m_rows;
};

}  // namespace bpg
