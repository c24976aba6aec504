#pragma once

#include <filesystem>
#include <string>

namespace bpg::storage {

/// What people call the file system that holds `path`: "ext4", "xfs", ….
std::string file_system_name(const std::filesystem::path& path);

}  // namespace bpg::storage
