#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string_view>

namespace bpg::runtime {

using WriteLog = std::function<void(std::string_view)>;

/// Hands out the last `count` lines of a file.
void read_last_lines(const std::filesystem::path& file, size_t count, const WriteLog& write);

/// Hands out what is appended to a file from now on, also after it was replaced by a new one of its name, until a
/// signal comes.
void follow_file(const std::filesystem::path& file, const WriteLog& write);

}  // namespace bpg::runtime
