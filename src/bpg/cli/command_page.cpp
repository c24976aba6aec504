#include "bpg/cli/command_page.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "bpg/cli/usage.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

constexpr const char* root_examples =
    "  bpg init                             set up, once\n"
    "  bpg db create app                    a database, with its branch app/main\n"
    "  bpg branch create app/fix-login      a full, writable copy of app/main\n"
    "  bpg connect app/fix-login            psql on it\n"
    "  bpg branch reset app/fix-login       throw the changes away\n"
    "  bpg branch delete app/fix-login      and the branch\n";

std::vector<Example> parse_examples(std::string_view text) {
  std::vector<Example> examples;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (!line.empty()) {
      const size_t end = line.find("  ");
      examples.push_back({std::string(line.substr(0, end)), end == line.npos ? "" : std::string(trim(line.substr(end)))});
    }
  }
  return examples;
}

Value value_of(const CLI::Option& option) {
  return {.type = option.get_type_size() == 0 ? "" : option.get_type_name(),
          .description = option.get_description(),
          .required = option.get_required(),
          .many = option.get_expected_max() > 1};
}

OptionPage option_page(const CLI::Option& option) {
  OptionPage page{.names = {}, .value = value_of(option)};
  for (const std::string& name : option.get_snames()) {
    page.names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    page.names.push_back("--" + name);
  }
  return page;
}

/// Whether it names something that may not be there.
bool names_something(const Value& value) {
  return value.type.starts_with("SUBJECT") || value.type.starts_with("DATABASE") || value.type == "SNAPSHOT" ||
         value.type == "LABEL" || value.type == "VOLUME";
}

std::vector<int> exit_statuses(const CommandPage& page, const Command& command) {
  std::set<int> statuses{0, describe(ErrorCode::usage).exit_status};
  for (const ErrorCode code : command.may_refuse) {
    statuses.insert(describe(code).exit_status);
  }
  if (command.opens_home) {
    for (const ErrorCode code : {ErrorCode::failure, ErrorCode::environment, ErrorCode::busy, ErrorCode::interrupted}) {
      statuses.insert(describe(code).exit_status);
    }
  }
  if (std::ranges::any_of(page.arguments, names_something) ||
      std::ranges::any_of(page.options, [](const OptionPage& option) { return names_something(option.value); })) {
    statuses.insert(describe(ErrorCode::not_found).exit_status);
  }
  return {statuses.begin(), statuses.end()};
}

std::string in_synopsis(const Value& value) {
  const std::string words = value.type + (value.many ? "…" : "");
  if (value.type == "ARGUMENTS" || value.type == "COMMAND") {  // of another program
    return value.required ? "-- " + words : "[-- " + words + "]";
  }
  return value.required ? words : "[" + words + "]";
}

}  // namespace

std::vector<std::string> Value::words() const {
  if (type.find('|') == type.npos) {
    return {};
  }
  std::vector<std::string> words;
  for (const std::string_view word : split(type, '|')) {
    words.emplace_back(word);
  }
  return words;
}

std::string OptionPage::str() const {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return value.type.empty() ? text : text + " " + value.type;
}

std::string CommandPage::synopsis() const {
  if (!commands.empty()) {
    return name + " COMMAND …";
  }
  std::string text = name;
  if (options.size() > 1) {  // others than --help
    text += " [OPTION…]";
  }
  for (const Value& argument : arguments) {
    text += " " + in_synopsis(argument);
  }
  return text;
}

const CommandPage* CommandPage::find(const std::string& word) const {
  const auto found = std::ranges::find_if(commands, [&](const CommandPage& command) {
    return command.last_name() == word || std::ranges::count(command.aliases, word) > 0;
  });
  return found == commands.end() ? nullptr : &*found;
}

CommandPage page_of(const CLI::App& app) {
  CommandPage page{.name = full_name(app),
                   .description = app.get_description(),
                   .details = {},
                   .aliases = app.get_aliases(),
                   .arguments = {},
                   .options = {},
                   .examples = {},
                   .exit_statuses = {},
                   .commands = {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      page.arguments.push_back(value_of(*option));
    } else {
      page.options.push_back(option_page(*option));
    }
  }
  // --help comes first in the tree and matters least.
  std::ranges::stable_partition(page.options, [](const OptionPage& option) { return option.names.back() != "--help"; });
  for (const CLI::App* command : app.get_subcommands({})) {
    page.commands.push_back(page_of(*command));
  }
  if (const auto* command = dynamic_cast<const Command*>(&app)) {
    page.details = command->details;
    page.examples = parse_examples(command->examples);
    page.exit_statuses = page.commands.empty() ? exit_statuses(page, *command) : std::vector<int>{};
  } else {
    page.examples = parse_examples(root_examples);
    page.exit_statuses = all_exit_statuses();
  }
  return page;
}

std::string meaning_of(int exit_status) {
  switch (exit_status) {
    case 0: return "done";
    case 1: return "a failure that is none of the others";
    case 2: return "the command line or the configuration is wrong";
    case 3: return "there is no such thing";
    case 4: return "the name is taken";
    case 5: return "refused: it would break something";
    case 6: return "storage, PostgreSQL, a permission or space is missing";
    case 7: return "another operation is at work on it";
    case 130: return "stopped by Ctrl-C or a signal";
    default: throw std::logic_error(fmt::format("exit status {} has no meaning", exit_status));
  }
}

std::vector<int> all_exit_statuses() { return {0, 1, 2, 3, 4, 5, 6, 7, 130}; }

}  // namespace bpg::cli
