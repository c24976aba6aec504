#include "bpg/util/shell.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace bpg {

std::optional<Shell> parse_shell(std::string_view name) {
  constexpr std::array<std::string_view, 5> like_sh{"sh", "bash", "zsh", "dash", "ksh"};
  if (std::ranges::find(like_sh, name) != like_sh.end()) {
    return Shell::sh;
  }
  if (name == "fish") {
    return Shell::fish;
  }
  return name == "csh" || name == "tcsh" ? std::optional(Shell::csh) : std::nullopt;
}

std::string shell_quoted(std::string_view text, Shell shell) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += shell == Shell::fish ? "\\'" : "'\\''";
    } else if (c == '\\' && shell == Shell::fish) {
      quoted += "\\\\";
    } else if ((c == '!' || c == '\n') && shell == Shell::csh) {
      quoted += '\\';  // history and line ends are seen within quotes, too
      quoted += c;
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string export_command(std::string_view name, std::string_view value, Shell shell) {
  const std::string quoted = shell_quoted(value, shell);
  switch (shell) {
    case Shell::fish:
      return fmt::format("set -gx {} {};", name, quoted);
    case Shell::csh:
      return fmt::format("setenv {} {};", name, quoted);
    case Shell::sh:
      break;
  }
  return fmt::format("export {}={}", name, quoted);
}

std::string unset_command(std::string_view name, Shell shell) {
  switch (shell) {
    case Shell::fish:
      return fmt::format("set -e {};", name);
    case Shell::csh:
      return fmt::format("unsetenv {};", name);
    case Shell::sh:
      break;
  }
  return fmt::format("unset {}", name);
}

}  // namespace bpg
