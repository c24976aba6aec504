#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bpg {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

/// ASCII letters only.
std::string to_lower(std::string_view text);

/// "1.4 GB", "512 KB", "0 B": powers of 1024, as psql and df -h say them.
std::string format_bytes(uint64_t bytes);

/// "20G", "512M", "4096": a size in bytes, powers of 1024. Nothing where it is not one.
std::optional<uint64_t> parse_bytes(std::string_view text);

/// "412 ms", "1.3 s", "2 min 5 s".
std::string format_duration(std::chrono::microseconds duration);

/// "90s", "15m", "24h", "30d", "2w" or a sum such as "1h30m". Nothing where it is not one.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

/// The candidate that `word` was most likely meant to be, or nothing where none is near.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

/// "did you mean 'x'?" as a hint, or `otherwise`.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                         std::string_view otherwise = {});

}  // namespace bpg
