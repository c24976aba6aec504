#include "bpg/util/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>

#include "bpg/util/interrupt.hpp"

namespace bpg {

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

size_t terminal_width(int fd) {
  constexpr size_t usual = 80;
  if (const char* columns = std::getenv("COLUMNS")) {
    if (const long width = std::strtol(columns, nullptr, 10); width > 0) {
      return static_cast<size_t>(width);
    }
  }
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

bool confirm(std::string_view question) {
  fmt::print(stderr, "{} [y/N] ", question);
  std::fflush(stderr);
  std::string answer;
  std::getline(std::cin, answer);
  throw_if_interrupted();
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string coloured(std::string_view text, Colour colour, bool on) {
  if (!on || colour == Colour::none) {
    return std::string(text);
  }
  const char* code = "0";
  switch (colour) {
    case Colour::red: code = "31"; break;
    case Colour::green: code = "32"; break;
    case Colour::yellow: code = "33"; break;
    case Colour::dim: code = "2"; break;
    case Colour::bold: code = "1"; break;
    case Colour::none: break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace bpg
