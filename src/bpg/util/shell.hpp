#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bpg {

enum class Shell { sh, fish, csh };

/// "sh" (also bash, zsh, dash, ksh), "fish", "csh" (also tcsh); nothing for others.
std::optional<Shell> parse_shell(std::string_view name);

/// `text` as one word of that shell, which expands nothing in it.
std::string shell_quoted(std::string_view text, Shell shell = Shell::sh);

/// The command of that shell that exports a variable, or takes it back.
std::string export_command(std::string_view name, std::string_view value, Shell shell);
std::string unset_command(std::string_view name, Shell shell);

}  // namespace bpg
