#include "bpg/util/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace bpg {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  const size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

std::string format_bytes(uint64_t bytes) {
  constexpr std::array units{"B", "KB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {  // what would be rounded to 1000
    value /= 1024;
    ++unit;
  }
  if (unit == 0 || value >= 9.95) {
    return fmt::format("{:.0f} {}", value, units[unit]);
  }
  return fmt::format("{:.1f} {}", value, units[unit]);
}

namespace {

std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

}  // namespace

std::optional<uint64_t> parse_bytes(std::string_view text) {
  const auto number = take_number(text);
  if (!number) {
    return std::nullopt;
  }
  if (text.empty()) {
    return number;
  }
  constexpr std::string_view units = "KMGTP";
  const size_t unit = units.find(static_cast<char>(text[0] & ~0x20));
  text.remove_prefix(1);
  if (unit == std::string_view::npos || !(text.empty() || text == "B" || text == "iB")) {
    return std::nullopt;
  }
  const size_t shift = 10 * (unit + 1);
  if (*number > (UINT64_MAX >> shift)) {
    return std::nullopt;
  }
  return *number << shift;
}

std::string format_duration(std::chrono::microseconds duration) {
  const double ms = static_cast<double>(duration.count()) / 1000;
  if (ms < 9.95) {
    return fmt::format("{:.1f} ms", ms);
  }
  if (ms < 999.5) {
    return fmt::format("{:.0f} ms", ms);
  }
  if (ms < 59'950) {
    return fmt::format("{:.1f} s", ms / 1000);
  }
  const auto seconds = std::chrono::round<std::chrono::seconds>(duration).count();
  return fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  if (text.empty()) {
    return std::nullopt;
  }
  uint64_t total = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number || text.empty()) {
      return std::nullopt;
    }
    uint64_t factor = 0;
    switch (text[0]) {
      case 's': factor = 1; break;
      case 'm': factor = 60; break;
      case 'h': factor = 3600; break;
      case 'd': factor = 86400; break;
      case 'w': factor = 604800; break;
      default: return std::nullopt;
    }
    constexpr uint64_t century = 100ULL * 366 * 86400;
    if (*number > century / factor || total > century) {
      return std::nullopt;
    }
    total += *number * factor;
    text.remove_prefix(1);
  }
  return std::chrono::seconds(total);
}

namespace {

/// How many letters were left out, added, replaced, or swapped with the next one: most typing errors are one of these (the
/// "optimal string alignment" distance).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before;  // rows of the table, two back to the present one
  std::vector<size_t> above;
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(above, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates) {
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < std::max(word.size(), candidate.size())) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best ? std::optional(*best) : std::nullopt;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                         std::string_view otherwise) {
  const auto match = closest(word, candidates);
  return match ? fmt::format("Did you mean '{}'?", *match) : std::string(otherwise);
}

}  // namespace bpg
