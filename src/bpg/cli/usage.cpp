#include "bpg/cli/usage.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/text.hpp"

namespace bpg::cli {

const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.front());
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() ? full_name(*app.get_parent()) + " " + app.get_name() : app.get_name();
}

namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        names.push_back("--" + name);
      }
    }
  }
  return names;
}

std::string see_help(const CLI::App& command) { return fmt::format("'{} --help' shows how.", full_name(command)); }

/// CLI11 speaks in capitals and full stops.
std::string in_our_style(std::string text) {
  if (!text.empty()) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  while (!text.empty() && (text.back() == '.' || text.back() == '\n')) {
    text.pop_back();
  }
  return text;
}

bool takes_value(const CLI::App& root, const std::string& word) {
  const CLI::Option* option = root.get_option_no_throw(word);
  return option && option->get_items_expected_min() > 0;
}

/// The first word behind the command's name that is neither an option nor the value of a global one.
const std::string* first_argument(const CLI::App& root, const CLI::App& command, const std::vector<std::string>& words) {
  auto word = &command == &root ? words.begin() : std::next(std::ranges::find(words, command.get_name()));
  for (; word != words.end(); ++word) {
    if (!word->starts_with('-')) {
      return &*word;
    }
    if (takes_value(root, *word) && std::next(word) != words.end()) {
      ++word;
    }
  }
  return nullptr;
}

}  // namespace

Error usage_error(const CLI::App& root, const CLI::ParseError& error, const std::vector<std::string>& words) {
  const CLI::App& command = innermost(root);
  const auto commands = command_names(command);
  if (const auto extras = root.remaining(true); !extras.empty()) {
    const std::string& word = extras.front();
    if (word.starts_with('-')) {
      const std::string name = word.substr(0, word.find('='));
      return Error(ErrorCode::usage, fmt::format("unknown option '{}' for '{}'", name, full_name(command)),
                   did_you_mean(name, option_names(&command), see_help(command)));
    }
    if (!commands.empty()) {
      return Error(ErrorCode::usage, fmt::format("'{} {}' is not a command", full_name(command), word),
                   did_you_mean(word, commands, see_help(command)));
    }
    return Error(ErrorCode::usage, fmt::format("'{}' has no place for '{}'", full_name(command), word), see_help(command));
  }
  if (!commands.empty() && command.get_subcommands().empty()) {
    // Whatever CLI11 stumbled over first: a word that is no command, or no command at all.
    if (const std::string* word = first_argument(root, command, words)) {
      return Error(ErrorCode::usage, fmt::format("'{} {}' is not a command", full_name(command), *word),
                   did_you_mean(*word, commands, see_help(command)));
    }
    return Error(ErrorCode::usage, fmt::format("'{}' needs a command: {}", full_name(command), fmt::join(commands, ", ")),
                 see_help(command));
  }
  return Error(ErrorCode::usage, in_our_style(error.what()), see_help(command));
}

}  // namespace bpg::cli
