#include "bpg/util/table.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "bpg/util/display.hpp"

namespace bpg {

namespace {

constexpr size_t gap = 2;
constexpr size_t narrowest = 4;

/// A width of 0 stands for a column that is gone.
size_t total(const std::vector<size_t>& widths) {
  const auto shown = static_cast<size_t>(std::ranges::count_if(widths, [](size_t width) { return width > 0; }));
  return std::accumulate(widths.begin(), widths.end(), size_t{0}) + gap * (shown - std::min<size_t>(shown, 1));
}

std::string rendered(const Table::Cell& cell, size_t width, Table::Align align, const Screen& screen) {
  const std::string text = shorten(printable(cell.text), width);
  const std::string padding(width - display_width(text), ' ');
  const std::string shown = coloured(screen.terminal ? isolated(text) : text, cell.colour, screen.colour && !text.empty());
  return align == Table::Align::right ? padding + shown : shown + padding;
}

}  // namespace

std::vector<size_t> Table::widths(size_t limit) const {
  std::vector<size_t> widths(m_columns.size());
  for (size_t c = 0; c < widths.size(); ++c) {
    widths[c] = std::max<size_t>(1, display_width(m_columns[c].title));
    for (const auto& row : m_rows) {
      widths[c] = std::max(widths[c], display_width(printable(row.at(c).text)));
    }
  }
  if (limit == 0) {
    return widths;
  }
  std::vector<size_t> order(widths.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto rank = [this](size_t c) { return m_columns[c].yields ? m_columns[c].yields : std::numeric_limits<int>::max(); };
  std::ranges::stable_sort(order, {}, rank);
  for (const size_t c : order) {
    const size_t all = total(widths);
    if (all <= limit) {
      break;
    }
    const Column& column = m_columns[c];
    const size_t least = column.yields == 0 ? std::max(column.shrink_to, narrowest) : column.shrink_to;
    widths[c] = least == 0 ? 0 : std::min(widths[c], std::max(least, widths[c] - std::min(widths[c], all - limit)));
  }
  return widths;
}

std::string Table::str(const Screen& screen) const {
  const auto widths_of_columns = widths(screen.width);
  std::vector<Cell> titles;
  for (const Column& column : m_columns) {
    titles.emplace_back(column.title, Colour::bold);
  }
  std::string text;
  const auto add_line = [&](const std::vector<Cell>& cells) {
    std::string line;
    for (size_t c = 0; c < widths_of_columns.size(); ++c) {
      if (widths_of_columns[c] > 0) {
        line += std::string(line.empty() ? 0 : gap, ' ') + rendered(cells[c], widths_of_columns[c], m_columns[c].align, screen);
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add_line(titles);
  std::ranges::for_each(m_rows, add_line);
  return text;
}

}  // namespace bpg
