#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bpg {

/// Is this descriptor a terminal?
bool is_terminal(int fd);

/// Asks on the terminal; true for "y" or "yes". Throws `Error{interrupted}` on Ctrl-C.
bool confirm(std::string_view question);

enum class Colour { none, red, green, yellow, dim, bold };

/// What is known of where text goes. By default a file or a pipe: as wide as may be, and plain.
struct Screen {
  size_t width = 0;       ///< in columns; 0: without end
  bool colour = false;
  bool terminal = false;
};

/// The width of the terminal on this descriptor: COLUMNS, else what the terminal says, else 80.
size_t terminal_width(int fd);

/// `text` in a colour, where `on`.
std::string coloured(std::string_view text, Colour colour, bool on);

}  // namespace bpg
