#pragma once

#include <string>
#include <string_view>

namespace bpg {

/// Is this descriptor a terminal?
bool is_terminal(int fd);

/// Asks on the terminal; true for "y" or "yes". Throws `Error{interrupted}` on Ctrl-C.
bool confirm(std::string_view question);

enum class Colour { red, green, yellow, dim, bold };

/// `text` in a colour, where `on`.
std::string coloured(std::string_view text, Colour colour, bool on);

}  // namespace bpg
