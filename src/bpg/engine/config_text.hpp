#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bpg/engine/config.hpp"

namespace bpg::engine {

/// The hint for what is wrong in the file or the environment.
inline constexpr const char* correct_it = "Correct it, or leave it out.";

/// A key of the file with its value, before anybody knows what it means. Sections are joined with dots, however they
/// are nested: "ports:\n  range: x" and "ports.range: x" say the same.
struct ConfigLine {
  std::string key;
  ConfigValue value;
  int line = 0;  ///< from 1
};

/// All keys of a text, in its order. `file` is for messages: what is not YAML, or neither a value nor a list of
/// values, is `Error{usage}` with its place.
std::vector<ConfigLine> parse_config_text(const std::string& text, const std::filesystem::path& file);

/// The text with that key set: in its place where it is there, else in its section, else at the end. Everything else,
/// comments too, stays as it is. `Error{refused}` where the text is too clever for that.
std::string with_config_value(const std::string& text, const std::filesystem::path& file, const std::string& key,
                              const ConfigValue& value);

/// A value as it stands in a file.
std::string to_yaml(const ConfigValue& value);

}  // namespace bpg::engine
