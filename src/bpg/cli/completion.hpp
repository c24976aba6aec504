#pragma once

#include <string>
#include <vector>

#include "bpg/cli/command_page.hpp"

namespace bpg::cli {

/// What the shells' scripts ask: `bpg __complete -- WORD…` with the words after `bpg` up to the cursor; the last is being
/// typed and may be empty. The answer is a line for each thing that the whole last word may become, with a tab and a word
/// about it where there is one. What ends with "/" or "=" goes on: the shell puts no blank behind it. The line ":files" or
/// ":directories" stands for what the shell knows itself. Never fails and says nothing else: whatever goes wrong, nothing
/// is offered.
std::string complete(const CommandPage& root, std::vector<std::string> words);

/// The script for "bash", "zsh" or "fish".
const char* completion_script(const std::string& shell);

}  // namespace bpg::cli
