#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bpg::wal {

/// Lines "key value", closed by a line with their CRC-32C: what an archive says of itself and of each file, for people
/// and for programs. Values are escaped (%XX), so that any name fits on a line.
class Lines {
 public:
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, uint64_t value);

  /// The text with its closing line.
  std::string seal() const;
  /// Nothing where the closing line is missing or does not fit; what follows it is ignored.
  static std::optional<Lines> parse(std::string_view text);

  /// Parts of this object.
  std::optional<std::string_view> find(std::string_view key) const;
  std::optional<uint64_t> find_number(std::string_view key) const;
  std::vector<std::string_view> find_all(std::string_view key) const;

 private:
  /// Places in the text: an index reads tens of thousands of these.
  struct Line {
    size_t begin;
    size_t blank;
    size_t end;
  };
  std::string_view key_of(const Line& line) const;
  std::string_view value_of(const Line& line) const;

  std::string m_text;
  std::vector<Line> m_lines;
};

/// Blanks, control characters, '%' and bytes above ASCII become %XX.
std::string escape(std::string_view text);
std::string unescape(std::string_view text);

/// The whole of `text` as a decimal number.
template <class Number = uint64_t>
std::optional<Number> parse_number(std::string_view text);

}  // namespace bpg::wal
