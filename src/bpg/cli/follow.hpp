#pragma once

#include <cstddef>
#include <filesystem>

namespace bpg::cli {

/// Prints the last `count` lines of a file.
void print_last_lines(const std::filesystem::path& file, size_t count);

/// Prints what is appended to a file from now on, also after it was replaced by a new one of its name, until a
/// signal comes.
void follow(const std::filesystem::path& file);

}  // namespace bpg::cli
