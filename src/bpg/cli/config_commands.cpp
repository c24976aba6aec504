#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/engine/config_text.hpp"
#include "bpg/engine/configure.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/random.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

fs::path config_file(const CommandLine& line) { return engine::Home::find(line.config_file).config_file; }

/// The configuration as a file that says the same, with what each key is for.
std::string documented(const std::vector<engine::ConfigEntry>& entries, bool with_origin) {
  std::string text;
  for (const engine::ConfigEntry& entry : entries) {
    const std::string standard = engine::to_yaml(entry.default_value);
    text += fmt::format("{}# {}: {}.\n", text.empty() ? "" : "\n", entry.effect, entry.form);
    text += fmt::format("#   default {}{}\n", standard.empty() ? "none" : standard,
                        entry.environment.empty() ? "" : fmt::format(", environment {}", entry.environment));
    text += fmt::format("{}: {}{}\n", entry.key, engine::to_yaml(entry.value),
                        with_origin ? fmt::format("   # from {}", entry.origin) : "");
  }
  return text;
}

std::string bare(const std::vector<engine::ConfigEntry>& entries) {
  std::string text;
  for (const engine::ConfigEntry& entry : entries) {
    text += fmt::format("{}: {}\n", entry.key, engine::to_yaml(entry.value));
  }
  return text;
}

std::string bare(const engine::ConfigValue& value) {
  std::string text;
  for (const std::string& item : value.items) {
    text += item + "\n";
  }
  return text;
}

void add_show(CLI::App& group, CommandLine& line) {
  auto origin = options_of<bool>();
  CLI::App* command = add_command(group, "show", "Show every key, what it is for and what it is",
                                  "  bpg config show\n  bpg config show --origin     and which file or variable said so\n");
  command->add_flag("--origin", *origin, "Show where each value comes from");
  command->callback([&line, origin] {
    line.action = [&line, origin] {
      const auto entries = engine::list_config(config_file(line));
      line.output.result(to_json(entries), bare(entries), documented(entries, *origin));
    };
  });
}

void add_get(CLI::App& group, CommandLine& line) {
  auto key = options_of<std::string>();
  CLI::App* command = add_command(group, "get", "Show one value", "  bpg config get ports.range\n");
  command->add_option("key", *key, "SECTION.KEY")->required()->type_name("KEY");
  command->callback([&line, key] {
    line.action = [&line, key] {
      const auto entry = engine::get_config(config_file(line), *key);
      line.output.result(to_json(entry), bare(entry.value), bare(entry.value));
    };
  });
}

void add_set(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string key;
    std::vector<std::string> values;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "set", "Change one value in the file; comments and order stay",
                                  "  bpg config set retention.deleted 7d\n"
                                  "  bpg config set profiles.ci.settings.random_page_cost 1.1\n",
                                  {ErrorCode::refused});
  command->add_option("key", options->key, "SECTION.KEY")->required()->type_name("KEY");
  command->add_option("values", options->values, "Its value; a list takes several")->required()->type_name("VALUE");
  command->callback([&line, options] {
    line.action = [&line, options] {
      const fs::path file = config_file(line);
      const auto entry = engine::set_config(file, options->key, options->values);
      std::string text = fmt::format("set {} to {} in {}\n", entry.key, fmt::format("{}", fmt::join(options->values, ", ")), file.string());
      if (entry.origin.starts_with("environment")) {
        text += fmt::format("  the {} stands above it\n", entry.origin);
      }
      line.output.result(to_json(entry), bare(entry.value), text);
    };
  });
}

/// $VISUAL, else $EDITOR, which may have arguments; else vi.
std::vector<std::string> editor_words() {
  for (const char* variable : {"VISUAL", "EDITOR"}) {
    const char* text = std::getenv(variable);
    std::vector<std::string> words;
    for (const std::string_view word : split(text ? text : "", ' ')) {
      if (!word.empty()) {
        words.emplace_back(word);
      }
    }
    if (!words.empty()) {
      return words;
    }
  }
  return {"vi"};
}

void edit_text(const fs::path& copy) {
  std::vector<std::string> words = editor_words();
  const std::string editor = words.front();
  words.push_back(copy.string());
  Child child = spawn({.argv = words, .stdin_fd = STDIN_FILENO, .stdout_fd = STDOUT_FILENO, .stderr_fd = STDERR_FILENO});
  if (child.wait() != 0) {
    throw Error(ErrorCode::failure, fmt::format("the editor '{}' failed; nothing was changed", editor),
                fmt::format("Name another in VISUAL or EDITOR. What it left is in {}.", copy.string()));
  }
}

void add_edit(CLI::App& group, CommandLine& line) {
  CLI::App* command = add_command(group, "edit", "Open the file in $VISUAL or $EDITOR, and take it if it is right", "  bpg config edit\n");
  command->callback([&line] {
    line.action = [&line] {
      const fs::path file = config_file(line);
      const auto present = read_file_if_exists(file);
      const std::string before = present.value_or(engine::config_template());
      const fs::path copy = fs::temp_directory_path() / fmt::format("bpg-config-{}.yaml", random_text(8, "abcdefghijklmnopqrstuvwxyz0123456789"));
      write_file_atomic(copy, before, {.mode = 0600});
      edit_text(copy);
      const std::string after = read_file(copy);
      if (after != before) {
        try {
          engine::replace_config(file, after);
        } catch (const Error& error) {
          throw Error(error.code(), error.message(), fmt::format("{}{}Nothing was changed; your text is in {}.", error.hint(),
                                                                 error.hint().empty() ? "" : " ", copy.string()));
        }
      }
      fs::remove(copy);
      line.output.result(to_json(engine::list_config(file)), file.string(),
                         after == before ? "nothing was changed\n" : fmt::format("changed {}\n", file.string()));
    };
  });
}

void add_path(CLI::App& group, CommandLine& line) {
  CLI::App* command = add_command(group, "path", "Say which file it is", "  bpg config path\n");
  command->callback([&line] {
    line.action = [&line] {
      const fs::path file = config_file(line);
      line.output.result(Json{{"path", file.string()}, {"exists", fs::exists(file)}}, file.string(), file.string());
    };
  });
}

}  // namespace

void add_config_commands(CLI::App& root, CommandLine& line) {
  CLI::App* group = add_group(root, "config", "Show and change betterpg's own configuration");
  add_show(*group, line);
  add_get(*group, line);
  add_set(*group, line);
  add_edit(*group, line);
  add_path(*group, line);
}

}  // namespace bpg::cli
