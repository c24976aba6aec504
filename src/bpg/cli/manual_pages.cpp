#include <cctype>
#include <cstdlib>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "bpg/cli/reference.hpp"
#include "bpg/cli/topics.hpp"
#include "bpg/cli/version.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

/// "bpg branch create" is bpg-branch-create(1).
std::string page_name(const CommandPage& page) {
  std::string name = page.name;
  for (char& c : name) {
    c = c == ' ' ? '-' : c;
  }
  return name;
}

/// Text as roff takes it (groff_char(7)): no requests, no escapes, and the characters that it would change.
std::string roff(std::string_view text) {
  std::string result = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    switch (c) {
      case '\\': result += "\\e"; break;
      case '-': result += "\\-"; break;
      case '\'': result += "\\(aq"; break;
      case '`': result += "\\(ga"; break;
      case '^': result += "\\(ha"; break;
      case '~': result += "\\(ti"; break;
      case '"': result += "\\(dq"; break;
      default: result += c;
    }
  }
  return result;
}

std::string term(const std::string& name, const std::string& meaning) {
  return fmt::format(".TP\n.B {}\n{}\n", roff(name), roff(meaning));
}

std::string literally(std::string_view lines) {
  std::string text = ".nf\n";
  for (const std::string_view line : split(trim(lines), '\n')) {
    text += line.empty() ? ".sp\n" : "\\&" + roff(line) + "\n";
  }
  return text + ".fi\n";
}

std::string date() {
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");  // reproducible-builds.org
  const std::time_t time = epoch ? std::strtoll(epoch, nullptr, 10) : std::time(nullptr);
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(time));
}

std::string manual_page(const CommandPage& page, const std::vector<std::string>& see_also) {
  std::string title = page_name(page);
  for (char& c : title) {
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  std::string text = fmt::format(".TH \"{}\" 1 {} \"bpg {}\" betterpg\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n", roff(title), date(),
                                 version, roff(page_name(page)), roff(page.description), roff(page.synopsis()));
  if (!page.details.empty()) {
    text += fmt::format(".SH DESCRIPTION\n{}\n", roff(page.details));
  }
  if (!page.arguments.empty()) {
    text += ".SH ARGUMENTS\n";
    for (const Value& argument : page.arguments) {
      text += term(argument.type, argument.description);
    }
  }
  if (!page.commands.empty()) {
    text += ".SH COMMANDS\n";
    for (const CommandPage& command : page.commands) {
      text += term(command.last_name(), command.description);
    }
  }
  text += ".SH OPTIONS\n";
  for (const OptionPage& option : page.options) {
    text += term(option.str(), option.value.description);
  }
  if (!page.examples.empty()) {
    text += ".SH EXAMPLES\n";
    for (const Example& example : page.examples) {
      text += &example == &page.examples.front() ? "" : ".PP\n";
      text += example.remark.empty() ? literally(example.command) : literally("# " + example.remark + "\n" + example.command);
    }
  }
  if (!page.exit_statuses.empty()) {
    text += ".SH EXIT STATUS\n";
    for (const int status : page.exit_statuses) {
      text += term(fmt::format("{}", status), meaning_of(status));
    }
  }
  if (page.name == "bpg") {
    for (const Topic& topic : topics()) {
      if (topic.name != "exit-status") {
        text += fmt::format(".SH {}\n", roff(topic.name)) + literally(topic.text);
      }
    }
  }
  if (!see_also.empty()) {
    text += ".SH SEE ALSO\n";
    for (const std::string& other : see_also) {
      text += fmt::format(".BR {} (1){}\n", roff(other), &other == &see_also.back() ? "" : ",");
    }
  }
  return text;
}

void write(const CommandPage& page, const std::string& parent, const std::filesystem::path& directory) {
  std::vector<std::string> see_also;
  if (!parent.empty()) {
    see_also.push_back(parent);
  }
  for (const CommandPage& command : page.commands) {
    see_also.push_back(page_name(command));
    write(command, page_name(page), directory);
  }
  write_file_atomic(directory / (page_name(page) + ".1"), manual_page(page, see_also), {.durable = false});
}

}  // namespace

void write_manual_pages(const CommandPage& root, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  write(root, {}, directory);
}

}  // namespace bpg::cli
