#pragma once

#include <span>
#include <string>

#include "bpg/cli/command_page.hpp"
#include "bpg/util/terminal.hpp"

namespace bpg::cli {

/// What `bpg COMMAND --help` prints: at most 80 columns, less where the screen is narrower.
std::string help_page(const CommandPage& page, const Screen& screen);

/// What `bpg help WORD…` prints: without words what there is, else the page of a topic or a command. Throws `Error{usage}`
/// where there is no such command or topic.
std::string help_on(const CommandPage& root, std::span<const std::string> words, const Screen& screen);

}  // namespace bpg::cli
