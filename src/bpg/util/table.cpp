#include "bpg/util/table.hpp"

#include <algorithm>

namespace bpg {

namespace {

size_t width_of(const std::string& text) {
  size_t width = 0;
  bool in_escape = false;
  for (const char c : text) {
    if (c == '\x1b') {
      in_escape = true;
    } else if (in_escape) {
      in_escape = c != 'm';
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++width;
    }
  }
  return width;
}

}  // namespace

std::string Table::str() const {
  std::vector<std::vector<std::string>> lines;
  lines.emplace_back();
  for (const Column& column : m_columns) {
    lines[0].push_back(column.title);
  }
  lines.insert(lines.end(), m_rows.begin(), m_rows.end());

  std::vector<size_t> widths(m_columns.size());
  for (const auto& line : lines) {
    for (size_t c = 0; c < widths.size(); ++c) {
      widths[c] = std::max(widths[c], width_of(line.at(c)));
    }
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (size_t c = 0; c < widths.size(); ++c) {
      const std::string padding(widths[c] - width_of(line[c]), ' ');
      row += c == 0 ? "" : "  ";
      row += m_columns[c].align == Align::right ? padding + line[c] : line[c] + padding;
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

}  // namespace bpg
