#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bpg/util/error.hpp"

namespace bpg::cli {

/// A command of the tree, with what its help tells beside arguments and options.
class Command : public CLI::App {
 public:
  Command(const std::string& description, const std::string& name, CLI::App& parent)
      : CLI::App(description, name, &parent) {}

  std::string details;               ///< sentences that the description has no room for; most commands need none
  std::string examples;              ///< lines of "  bpg …", with "   " and a word about it behind where it needs one
  std::vector<ErrorCode> may_refuse;  ///< what it can end with beside what every command can
  bool opens_home = true;            ///< it works with what `bpg init` made
};

/// What stands after an option or in the place of an argument. `type` says what it takes, and so what completes it:
/// "SUBJECT", "FILE", or "json|table" for one of these words.
struct Value {
  std::string type;
  std::string description;
  bool required = false;
  bool many = false;

  std::vector<std::string> words() const;  ///< those that it may be; none where `type` is not such a list
};

struct OptionPage {
  std::vector<std::string> names;  ///< "-o", "--output"
  Value value;                     ///< `type` is empty: a flag

  std::string str() const;  ///< "-o, --output FORMAT"
};

struct Example {
  std::string command;
  std::string remark;
};

/// All that is told of a command. Help, manual pages, reference and completions are made from it.
struct CommandPage {
  std::string name;  ///< "bpg branch create"
  std::string description;
  std::string details;
  std::vector<std::string> aliases;
  std::vector<Value> arguments;
  std::vector<OptionPage> options;
  std::vector<Example> examples;
  std::vector<int> exit_statuses;
  std::vector<CommandPage> commands;

  std::string last_name() const { return name.substr(name.rfind(' ') + 1); }
  std::string synopsis() const;

  /// The command of that name or alias below this one; null where there is none.
  const CommandPage* find(const std::string& word) const;
};

/// The page of a command and, below it, of its commands.
CommandPage page_of(const CLI::App& app);

/// What an exit status means, in a few words.
std::string meaning_of(int exit_status);

/// All exit statuses that there are.
std::vector<int> all_exit_statuses();

}  // namespace bpg::cli
