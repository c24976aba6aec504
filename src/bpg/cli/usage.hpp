#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bpg/util/error.hpp"

namespace bpg::cli {

/// The innermost command that was recognised.
const CLI::App& innermost(const CLI::App& app);

/// "bpg branch create".
std::string full_name(const CLI::App& app);

/// What was wrong with a command line, in our words: with "did you mean" where a command or an option is near.
Error usage_error(const CLI::App& root, const CLI::ParseError& error, const std::vector<std::string>& words);

}  // namespace bpg::cli
