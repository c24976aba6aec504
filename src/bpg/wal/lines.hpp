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

  std::optional<std::string> find(std::string_view key) const;
  std::optional<uint64_t> find_number(std::string_view key) const;
  std::vector<std::string> find_all(std::string_view key) const;

 private:
  std::vector<std::pair<std::string, std::string>> m_lines;
};

/// Blanks, control characters, '%' and bytes above ASCII become %XX.
std::string escape(std::string_view text);
std::string unescape(std::string_view text);

/// The whole of `text` as a decimal number.
template <class Number = uint64_t>
std::optional<Number> parse_number(std::string_view text);

}  // namespace bpg::wal
