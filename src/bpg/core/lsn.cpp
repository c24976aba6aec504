#include "bpg/core/lsn.hpp"

#include <charconv>

#include <fmt/format.h>

namespace bpg {

std::string Lsn::str() const { return fmt::format("{:X}/{:08X}", value >> 32, value & 0xFFFFFFFF); }

std::optional<Lsn> Lsn::parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto half = [](std::string_view digits) -> std::optional<uint32_t> {
    uint32_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number, 16);
    const bool whole = error == std::errc{} && stop == end && digits.size() <= 8;
    return whole ? std::optional(number) : std::nullopt;
  };
  const auto high = half(text.substr(0, slash));
  const auto low = half(text.substr(slash + 1));
  if (!high || !low) {
    return std::nullopt;
  }
  return Lsn{(uint64_t{*high} << 32) | *low};
}

std::string segment_name(uint32_t timeline, uint64_t segment_number, uint64_t segment_size) {
  const uint64_t segments_per_id = (uint64_t{1} << 32) / segment_size;
  return fmt::format("{:08X}{:08X}{:08X}", timeline, segment_number / segments_per_id,
                     segment_number % segments_per_id);
}

uint64_t segment_of(Lsn lsn, uint64_t segment_size) { return lsn.value / segment_size; }

uint64_t last_segment_before(Lsn end, uint64_t segment_size) { return (end.value - 1) / segment_size; }

}  // namespace bpg
