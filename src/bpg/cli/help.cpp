#include "bpg/cli/help.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "bpg/cli/topics.hpp"
#include "bpg/util/display.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

constexpr size_t widest = 80;
constexpr size_t narrowest = 40;
constexpr size_t indent = 2;
constexpr size_t widest_term = 26;

using Entries = std::vector<std::pair<std::string, std::string>>;

/// Writes sections in the width of the screen.
class Writer {
 public:
  explicit Writer(const Screen& screen)
      : m_width(screen.width == 0 ? widest : std::clamp(screen.width, narrowest, widest)), m_colour(screen.colour) {}

  const std::string& text() const { return m_text; }

  void heading(std::string_view title) {
    m_text += (m_text.empty() ? "" : "\n") + coloured(title, Colour::bold, m_colour) + "\n";
  }

  /// Words, filled; each line begins `margin` columns from the left, the first where the line is already.
  void fill(std::string_view words, size_t margin, size_t column) {
    bool first = true;
    for (const std::string_view word : split(words, ' ')) {
      const size_t width = display_width(word);
      if (!first && column + 1 + width > m_width) {
        m_text += "\n" + std::string(margin, ' ');
        column = margin;
      } else if (!first) {
        m_text += " ";
        ++column;
      }
      m_text += word;
      column += width;
      first = false;
    }
    m_text += "\n";
  }

  void paragraph(std::string_view words, size_t margin = 0) {
    m_text += std::string(margin, ' ');
    fill(words, margin, margin);
  }

  /// Terms, and what they mean beside or, where they are long, below them.
  void list(const Entries& entries) {
    size_t term_width = 0;
    for (const auto& [term, _] : entries) {
      if (const size_t width = display_width(term); width <= widest_term) {
        term_width = std::max(term_width, width);
      }
    }
    const size_t margin = indent + term_width + 3;
    for (const auto& [term, meaning] : entries) {
      m_text += std::string(indent, ' ') + term;
      const size_t width = display_width(term);
      m_text += width > term_width ? "\n" + std::string(margin, ' ') : std::string(margin - indent - width, ' ');
      fill(meaning, margin, margin);
    }
  }

  void examples(const std::vector<Example>& examples) {
    size_t command_width = 0;
    size_t remark_width = 0;
    for (const Example& example : examples) {
      command_width = std::max(command_width, display_width(example.command));
      remark_width = std::max(remark_width, display_width(example.remark));
    }
    const bool beside = indent + command_width + 3 + remark_width <= m_width;
    for (const Example& example : examples) {
      if (!example.remark.empty() && !beside) {
        paragraph("# " + example.remark, indent);
      }
      m_text += std::string(indent, ' ') + example.command;
      if (!example.remark.empty() && beside) {
        m_text += std::string(command_width - display_width(example.command) + 3, ' ') + example.remark;
      }
      m_text += "\n";
    }
  }

  void lines(std::string_view whole_lines) { m_text += whole_lines; }

 private:
  size_t m_width;
  bool m_colour;
  std::string m_text;
};

Entries entries_of(const std::vector<CommandPage>& commands) {
  Entries entries;
  for (const CommandPage& command : commands) {
    entries.emplace_back(command.last_name(), command.description);
  }
  return entries;
}

Entries entries_of(const std::vector<Topic>& all) {
  Entries entries;
  for (const Topic& topic : all) {
    entries.emplace_back(topic.name, topic.title);
  }
  return entries;
}

void add_commands(Writer& writer, const CommandPage& page) {
  writer.heading("COMMANDS");
  writer.list(entries_of(page.commands));
}

void add_topics(Writer& writer) {
  writer.heading("TOPICS");
  writer.list(entries_of(topics()));
}

std::vector<std::string> words_of_help(const CommandPage& page, bool with_topics) {
  std::vector<std::string> words;
  for (const CommandPage& command : page.commands) {
    words.push_back(command.last_name());
  }
  if (with_topics) {
    for (const Topic& topic : topics()) {
      words.push_back(topic.name);
    }
  }
  return words;
}

}  // namespace

std::string help_page(const CommandPage& page, const Screen& screen) {
  Writer writer(screen);
  writer.paragraph(fmt::format("{} - {}", page.name, page.description));
  writer.heading("SYNOPSIS");
  writer.paragraph(page.synopsis(), indent);
  if (!page.aliases.empty()) {
    writer.paragraph(fmt::format("'{}' says the same.", fmt::join(page.aliases, "', '")), indent);
  }
  if (!page.details.empty()) {
    writer.heading("DESCRIPTION");
    writer.paragraph(page.details, indent);
  }
  if (!page.arguments.empty()) {
    writer.heading("ARGUMENTS");
    Entries entries;
    for (const Value& argument : page.arguments) {
      entries.emplace_back(argument.type, argument.description);
    }
    writer.list(entries);
  }
  if (!page.commands.empty()) {
    add_commands(writer, page);
  }
  writer.heading("OPTIONS");
  Entries options;
  for (const OptionPage& option : page.options) {
    options.emplace_back(option.str(), option.value.description);
  }
  writer.list(options);
  if (!page.examples.empty()) {
    writer.heading("EXAMPLES");
    writer.examples(page.examples);
  }
  if (!page.exit_statuses.empty()) {
    writer.heading("EXIT STATUS");
    Entries entries;
    for (const int status : page.exit_statuses) {
      entries.emplace_back(fmt::format("{:>3}", status), meaning_of(status));
    }
    writer.list(entries);
  }
  writer.lines("\n");
  writer.paragraph(page.name == "bpg" ? "'bpg help' lists the topics, and 'bpg help COMMAND' tells more of a command."
                                      : "'bpg --help' tells of the options that every command takes.");
  return writer.text();
}

std::string help_on(const CommandPage& root, std::span<const std::string> words, const Screen& screen) {
  if (words.empty()) {
    Writer writer(screen);
    add_commands(writer, root);
    add_topics(writer);
    writer.lines("\n");
    writer.paragraph("'bpg help COMMAND' or 'bpg help TOPIC' tells more.");
    return writer.text();
  }
  if (const auto topic = std::ranges::find(topics(), words.front(), &Topic::name); words.size() == 1 && topic != topics().end()) {
    Writer writer(screen);
    writer.heading(topic->title);
    writer.lines("\n" + topic->text);
    return writer.text();
  }
  const CommandPage* page = &root;
  for (const std::string& word : words) {
    const CommandPage* next = page->find(word);
    if (!next) {
      const bool at_root = page == &root;
      throw Error(ErrorCode::usage,
                  fmt::format("there is no {} '{}{}'", at_root ? "command or topic" : "command", at_root ? "" : page->name + " ", word),
                  did_you_mean(word, words_of_help(*page, at_root), "'bpg help' lists what there is."));
    }
    page = next;
  }
  return help_page(*page, screen);
}

}  // namespace bpg::cli
