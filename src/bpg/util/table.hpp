#pragma once

#include <string>
#include <vector>

namespace bpg {

/// Rows of text in columns, for people. Columns are as wide as their widest cell; colour codes and the bytes of
/// UTF-8 sequences do not count as width.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : m_columns(std::move(columns)) {}

  /// One cell for each column.
  void add(std::vector<std::string> cells) { m_rows.push_back(std::move(cells)); }

  /// Every line ends with a line break and has no trailing blanks.
  std::string str() const;

 private:
  std::vector<Column> m_columns;
  std::vector<std::vector<std::string>> m_rows;
};

}  // namespace bpg
