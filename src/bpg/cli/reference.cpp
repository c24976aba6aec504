#include "bpg/cli/reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "bpg/cli/topics.hpp"

namespace bpg::cli {

namespace {

std::string without_breaks(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != text.npos; at += 2) {
    text.insert(at, 1, '\\');  // a bar ends a cell
  }
  return text;
}

std::string row(const std::string& term, const std::string& meaning) {
  return fmt::format("| `{}` | {} |\n", without_breaks(term), without_breaks(meaning));
}

std::string options_of(const CommandPage& page) {
  std::string text = "\n| option | |\n|---|---|\n";
  for (const OptionPage& option : page.options) {
    text += row(option.str(), option.value.description);
  }
  return text;
}

std::string section(const CommandPage& page) {
  if (!page.commands.empty()) {
    std::string text;
    for (const CommandPage& command : page.commands) {
      text += section(command);
    }
    return text;
  }
  std::string text = fmt::format("\n## {}\n\n{}.\n\n```\n{}\n```\n", page.name, page.description, page.synopsis());
  if (!page.aliases.empty()) {
    text += fmt::format("\nAlso: `{}`\n", fmt::join(page.aliases, "`, `"));
  }
  if (!page.details.empty()) {
    text += fmt::format("\n{}\n", page.details);
  }
  if (!page.arguments.empty()) {
    text += "\n| argument | |\n|---|---|\n";
    for (const Value& argument : page.arguments) {
      text += row(argument.type, argument.description);
    }
  }
  if (page.options.size() > 1) {
    text += options_of(page);
  }
  text += "\n```\n";
  for (const Example& example : page.examples) {
    text += example.remark.empty() ? example.command + "\n" : fmt::format("{}    # {}\n", example.command, example.remark);
  }
  return text + fmt::format("```\n\nExit status: {}\n", fmt::join(page.exit_statuses, ", "));
}

nlohmann::ordered_json to_json(const Value& value) {
  return {{"type", value.type}, {"description", value.description}, {"required", value.required}, {"many", value.many}};
}

nlohmann::ordered_json to_json(const CommandPage& page) {
  nlohmann::ordered_json json{{"name", page.name}, {"description", page.description}, {"synopsis", page.synopsis()}};
  json["details"] = page.details;
  json["aliases"] = page.aliases;
  json["exit_statuses"] = page.exit_statuses;
  for (const char* key : {"arguments", "options", "examples", "commands"}) {
    json[key] = nlohmann::ordered_json::array();
  }
  for (const Value& argument : page.arguments) {
    json["arguments"].push_back(to_json(argument));
  }
  for (const OptionPage& option : page.options) {
    auto object = to_json(option.value);
    object["names"] = option.names;
    json["options"].push_back(object);
  }
  for (const Example& example : page.examples) {
    json["examples"].push_back({{"command", example.command}, {"remark", example.remark}});
  }
  for (const CommandPage& command : page.commands) {
    json["commands"].push_back(to_json(command));
  }
  return json;
}

}  // namespace

std::string reference(const CommandPage& root) {
  std::string text =
      "# Reference\n\n"
      "Every command of `bpg`, as `bpg COMMAND --help` tells it. This page is made from the program: "
      "`scripts/reference` writes it.\n\n"
      "Options that every command takes:\n";
  text += options_of(root) + section(root) + "\n## Exit status\n\n| exit status | |\n|---|---|\n";
  for (const int status : root.exit_statuses) {
    text += fmt::format("| {} | {} |\n", status, meaning_of(status));
  }
  for (const Topic& topic : topics()) {
    if (topic.name != "exit-status") {
      text += fmt::format("\n## {}\n\n`bpg help {}`\n\n```\n{}```\n", topic.title, topic.name, topic.text);
    }
  }
  return text;
}

std::string tree_as_json(const CommandPage& root) { return to_json(root).dump(2) + "\n"; }

}  // namespace bpg::cli
