#include "bpg/wal/name.hpp"

#include <charconv>

namespace bpg::wal {

namespace {

std::optional<uint32_t> eight_digits(std::string_view text, size_t at) {
  if (at + 8 > text.size()) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(at, 8);
  if (digits.find_first_not_of("0123456789ABCDEF") != std::string_view::npos) {
    return std::nullopt;
  }
  uint32_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

/// "" for a segment; nothing where the rest of the name is none that PostgreSQL gives.
std::optional<FileKind> kind_of_rest(std::string_view rest) {
  if (rest.empty()) {
    return FileKind::segment;
  }
  if (rest == ".partial") {
    return FileKind::partial;
  }
  if (rest.size() == 16 && rest.front() == '.' && eight_digits(rest, 1) && rest.substr(9) == ".backup") {
    return FileKind::backup;
  }
  return std::nullopt;
}

}  // namespace

std::optional<FileName> FileName::parse(std::string_view text) {
  const auto timeline = eight_digits(text, 0);
  if (!timeline || *timeline == 0) {
    return std::nullopt;
  }
  if (text.substr(8) == ".history") {
    return FileName{.text = std::string(text), .kind = FileKind::history, .timeline = *timeline};
  }
  const auto high = eight_digits(text, 8);
  const auto low = eight_digits(text, 16);
  if (!high || !low) {
    return std::nullopt;
  }
  const auto kind = kind_of_rest(text.substr(24));
  if (!kind) {
    return std::nullopt;
  }
  return FileName{.text = std::string(text), .kind = *kind, .timeline = *timeline, .high = *high, .low = *low};
}

FileName FileName::segment(uint32_t timeline, uint64_t number, uint64_t segment_size) {
  const uint64_t in_four_gigabytes = (uint64_t{1} << 32) / segment_size;
  return {.text = segment_name(timeline, number, segment_size),
          .kind = FileKind::segment,
          .timeline = timeline,
          .high = static_cast<uint32_t>(number / in_four_gigabytes),
          .low = static_cast<uint32_t>(number % in_four_gigabytes)};
}

std::optional<uint64_t> FileName::number(uint64_t segment_size) const {
  const uint64_t in_four_gigabytes = (uint64_t{1} << 32) / segment_size;
  if (kind == FileKind::history || low >= in_four_gigabytes) {
    return std::nullopt;
  }
  return high * in_four_gigabytes + low;
}

}  // namespace bpg::wal
