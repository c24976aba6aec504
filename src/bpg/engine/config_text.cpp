#include "bpg/engine/config_text.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::engine {

namespace {

std::string place(const std::filesystem::path& file, const YAML::Mark& mark) {
  return fmt::format("{}:{}", file.string(), mark.line + 1);
}

YAML::Node load(const std::string& text, const std::filesystem::path& file) {
  try {
    YAML::Node root = YAML::Load(text);
    if (!root.IsNull() && !root.IsMap()) {
      throw Error(ErrorCode::usage, fmt::format("{}: expected 'key: value' lines", place(file, root.Mark())), correct_it);
    }
    return root;
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::usage, fmt::format("{}: {}", place(file, error.mark), error.msg), correct_it);
  }
}

class Flattener {
 public:
  explicit Flattener(const std::filesystem::path& file) : m_file(file) {}

  std::vector<ConfigLine> run(const YAML::Node& root) {
    append_section("", root);
    return std::move(m_lines);
  }

 private:
  void append_section(const std::string& prefix, const YAML::Node& section) {
    for (const auto& entry : section) {
      if (!entry.first.IsScalar()) {
        throw Error(ErrorCode::usage, fmt::format("{}: expected a key", place(m_file, entry.first.Mark())), correct_it);
      }
      const std::string key = prefix + entry.first.Scalar();
      const int line = entry.first.Mark().line + 1;
      if (entry.second.IsMap() && entry.second.size() > 0) {
        append_section(key + ".", entry.second);
      } else {
        m_lines.push_back({key, value_of(key, entry.second), line});
      }
    }
  }

  ConfigValue value_of(const std::string& key, const YAML::Node& node) {
    ConfigValue value{.is_list = node.IsSequence()};
    if (node.IsScalar()) {
      value.items.push_back(node.Scalar());
    }
    if (node.IsSequence()) {
      for (const YAML::Node& item : node) {
        if (!item.IsScalar()) {
          throw Error(ErrorCode::usage, fmt::format("{}: {} must not hold more than single values", place(m_file, item.Mark()), key), correct_it);
        }
        value.items.push_back(item.Scalar());
      }
    }
    return value;
  }

  const std::filesystem::path& m_file;
  std::vector<ConfigLine> m_lines;
};

/// "profiles.ci.settings.auto_explain.log_min_duration" has four parts: the names of PostgreSQL's settings have dots.
std::vector<std::string> parts_of(const std::string& key) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(key, '.')) {
    if (parts.size() > 3) {
      parts.back() += fmt::format(".{}", part);
    } else {
      parts.emplace_back(part);
    }
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts, size_t from) {
  return fmt::format("{}", fmt::join(parts.begin() + static_cast<std::ptrdiff_t>(from), parts.end(), "."));
}

/// Where in a text a key is, or would go.
struct Position {
  bool found = false;
  YAML::Mark key{};      ///< of the key where it was found
  YAML::Node value{};
  size_t below = 0;      ///< how many parts of the key name the section that is there
  YAML::Node section{};  ///< that section; the root where none is
};

Position locate(const YAML::Node& node, const std::vector<std::string>& parts, size_t depth = 0) {
  Position position{.below = depth, .section = node};
  if (!node.IsMap()) {
    return position;
  }
  for (const auto& entry : node) {
    const std::string& name = entry.first.Scalar();
    for (size_t end = depth + 1; end <= parts.size(); ++end) {
      const std::vector<std::string> head(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(end));
      if (name != join(head, depth)) {
        continue;
      }
      if (end == parts.size()) {
        return {.found = true, .key = entry.first.Mark(), .value = entry.second, .below = depth, .section = node};
      }
      if (entry.second.IsMap()) {
        Position inner = locate(entry.second, parts, end);
        if (inner.found || inner.below > position.below) {
          position = inner;
        }
      }
    }
    if (position.found) {
      return position;
    }
  }
  return position;
}

/// From 0: the line of the last thing in a section.
int last_line(const YAML::Node& node) {
  int line = node.Mark().line;
  for (const auto& entry : node) {
    if (node.IsMap()) {
      line = std::max({line, entry.first.Mark().line, last_line(entry.second)});
    } else {
      line = std::max(line, last_line(entry));
    }
  }
  return line;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) {
    lines.emplace_back(line);
  }
  if (!lines.empty() && lines.back().empty()) {
    lines.pop_back();
  }
  return lines;
}

/// The end, in its line, of the value that begins at `begin`: before the comment and the blanks that follow.
size_t end_of_value(const std::string& line, size_t begin) {
  const char first = begin < line.size() ? line[begin] : ' ';
  if (first == '"' || first == '\'' || first == '[') {
    const size_t last = line.rfind(first == '[' ? ']' : first);
    const size_t comment = line.find(" #", begin);
    const size_t before_comment = line.rfind(first == '[' ? ']' : first, comment);
    return (before_comment != std::string::npos && before_comment > begin ? before_comment : last) + 1;
  }
  return std::min(line.find(" #", begin), line.find_last_not_of(" \t\r") + 1);
}

void replace(std::vector<std::string>& lines, const Position& position, const std::string& yaml) {
  std::string& line = lines.at(static_cast<size_t>(position.key.line));
  const size_t colon = line.find(':', static_cast<size_t>(position.key.column));
  size_t begin = line.find_first_not_of(" \t", colon + 1);
  if (begin == std::string::npos || line[begin] == '#') {  // no value yet
    line.insert(colon + 1, " " + yaml);
    return;
  }
  size_t end = end_of_value(line, begin);
  while (end > begin && (line[end - 1] == ' ' || line[end - 1] == '\t')) {
    --end;
  }
  line.replace(begin, end - begin, yaml);
}

void insert(std::vector<std::string>& lines, const Position& position, const std::vector<std::string>& parts, const std::string& yaml) {
  const bool in_section = position.below > 0 && position.section.size() > 0;
  const size_t depth = in_section ? position.below : 0;
  std::string indent;
  if (in_section) {
    indent.assign(static_cast<size_t>(position.section.begin()->first.Mark().column), ' ');
  }
  std::vector<std::string> added;
  for (size_t i = depth; i < parts.size(); ++i) {
    added.push_back(fmt::format("{}{}:{}", indent, parts[i], i + 1 == parts.size() ? " " + yaml : ""));
    indent += "  ";
  }
  const auto at = in_section ? lines.begin() + last_line(position.section) + 1 : lines.end();
  lines.insert(at, added.begin(), added.end());
}

/// Key and value of each line; nothing else of a text matters.
std::vector<std::pair<std::string, ConfigValue>> meaning(const std::vector<ConfigLine>& lines) {
  std::vector<std::pair<std::string, ConfigValue>> pairs;
  for (const ConfigLine& line : lines) {
    pairs.emplace_back(line.key, line.value);
  }
  std::ranges::sort(pairs);
  return pairs;
}

std::string scalar_to_yaml(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_of("\n,[]{}#\"'\\") == std::string::npos;
  try {
    const YAML::Node node = plain ? YAML::Load("key: " + text)["key"] : YAML::Node();
    if (plain && node.IsScalar() && node.Scalar() == text) {
      return text;
    }
  } catch (const YAML::Exception&) {  // it needs quotes
  }
  YAML::Emitter emitter;
  emitter << YAML::DoubleQuoted << text;
  return emitter.c_str();
}

}  // namespace

std::vector<ConfigLine> parse_config_text(const std::string& text, const std::filesystem::path& file) {
  return Flattener(file).run(load(text, file));
}

std::string to_yaml(const ConfigValue& value) {
  std::vector<std::string> items;
  for (const std::string& item : value.items) {
    items.push_back(scalar_to_yaml(item));
  }
  return value.is_list ? fmt::format("[{}]", fmt::join(items, ", ")) : items.empty() ? std::string() : items.front();
}

std::string with_config_value(const std::string& text, const std::filesystem::path& file, const std::string& key,
                              const ConfigValue& value) {
  const std::vector<std::string> parts = parts_of(key);
  const Position position = locate(load(text, file), parts);
  std::vector<std::string> lines = lines_of(text);
  if (position.found) {
    replace(lines, position, to_yaml(value));
  } else {
    insert(lines, position, parts, to_yaml(value));
  }
  std::string changed = fmt::format("{}\n", fmt::join(lines, "\n"));

  auto wanted = meaning(parse_config_text(text, file));
  std::erase_if(wanted, [&](const auto& pair) { return pair.first == key || (pair.second.items.empty() && key.starts_with(pair.first + ".")); });
  wanted.emplace_back(key, value);
  std::ranges::sort(wanted);
  bool same = false;
  try {
    same = meaning(parse_config_text(changed, file)) == wanted;
  } catch (const Error&) {  // the change broke it
  }
  if (!same) {
    throw Error(ErrorCode::refused, fmt::format("{} is written in a way that cannot be changed by one line", file.string()),
                "Change it with 'bpg config edit'.");
  }
  return changed;
}

}  // namespace bpg::engine
