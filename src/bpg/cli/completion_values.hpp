#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bpg::cli {

/// What stands on the command line around the word that is being completed.
struct Place {
  std::string command;                ///< "bpg branch reset"
  std::vector<std::string> operands;  ///< the arguments before it
  std::optional<std::filesystem::path> config_file;
};

/// What there is of a type of value ("SUBJECT", "SNAPSHOT", …): live names, or ":files", ":directories". Nothing for a type
/// that only its user knows (a new name, a number). May throw.
std::vector<std::string> values_of(const std::string& type, const Place& place);

}  // namespace bpg::cli
