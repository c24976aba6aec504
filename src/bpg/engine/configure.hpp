#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bpg/engine/config.hpp"

namespace bpg::engine {

/// Sets one key in the file, which is made where it is not there; comments and order stay. Nothing is written unless
/// the whole file is right afterwards. A list takes several values.
ConfigEntry set_config(const std::filesystem::path& file, const std::string& key, const std::vector<std::string>& values);

/// Replaces the whole file, in one step, by a text that must be right.
void replace_config(const std::filesystem::path& file, const std::string& text);

/// A text to begin a file with: every key with what it is for, commented out.
std::string config_template();

}  // namespace bpg::engine
