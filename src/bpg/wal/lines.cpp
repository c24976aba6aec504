#include "bpg/wal/lines.hpp"

#include <charconv>

#include <fmt/format.h>

#include "bpg/util/crc32c.hpp"

namespace bpg::wal {

namespace {

constexpr std::string_view seal_key = "crc32c ";

}  // namespace

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '%') {
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      plain += static_cast<char>(byte);
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end ? std::optional(number) : std::nullopt;
}
template std::optional<uint64_t> parse_number(std::string_view);
template std::optional<int64_t> parse_number(std::string_view);
template std::optional<uint32_t> parse_number(std::string_view);

std::string_view Lines::key_of(const Line& line) const {
  return std::string_view(m_text).substr(line.begin, line.blank - line.begin);
}

std::string_view Lines::value_of(const Line& line) const {
  return std::string_view(m_text).substr(line.blank + 1, line.end - line.blank - 1);
}

void Lines::add(std::string_view key, std::string_view value) {
  const size_t begin = m_text.size();
  m_text += fmt::format("{} {}\n", key, value);
  m_lines.push_back({.begin = begin, .blank = begin + key.size(), .end = m_text.size() - 1});
}

void Lines::add(std::string_view key, uint64_t value) { add(key, fmt::to_string(value)); }

std::string Lines::seal() const {
  return m_text + fmt::format("{}{:08x}\n", seal_key, crc32c(m_text.data(), m_text.size()));
}

std::optional<Lines> Lines::parse(std::string_view text) {
  Lines lines;
  lines.m_lines.reserve(24);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(seal_key)) {
      const bool fits = line.substr(seal_key.size()) == fmt::format("{:08x}", crc32c(text.data(), at));
      if (!fits) {
        return std::nullopt;
      }
      lines.m_text = text.substr(0, at);
      return lines;
    }
    const size_t blank = line.find(' ');
    if (blank == std::string_view::npos) {
      return std::nullopt;
    }
    lines.m_lines.push_back({.begin = at, .blank = at + blank, .end = end});
    at = end + 1;
  }
  return std::nullopt;
}

std::optional<std::string_view> Lines::find(std::string_view key) const {
  for (const Line& line : m_lines) {
    if (key_of(line) == key) {
      return value_of(line);
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> Lines::find_number(std::string_view key) const {
  const auto value = find(key);
  return value ? parse_number<uint64_t>(*value) : std::nullopt;
}

std::vector<std::string_view> Lines::find_all(std::string_view key) const {
  std::vector<std::string_view> values;
  for (const Line& line : m_lines) {
    if (key_of(line) == key) {
      values.push_back(value_of(line));
    }
  }
  return values;
}

}  // namespace bpg::wal
