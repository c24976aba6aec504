#include "bpg/engine/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::engine {

namespace fs = std::filesystem;

namespace {

constexpr const char* correct_it = "Correct that line, or leave it out.";

using Setter = std::function<bool(Config&, const YAML::Node&)>;

struct Key {
  const char* expected;  ///< the form of the value, for the message
  Setter set;            ///< false where the value has not that form
};

std::optional<std::pair<int, int>> parse_ports(std::string_view text) {
  const auto parts = split(text, '-');
  int ends[2] = {0, 0};
  if (parts.size() != 2) {
    return std::nullopt;
  }
  for (size_t i = 0; i < 2; ++i) {
    const char* end = parts[i].data() + parts[i].size();
    const auto [stop, error] = std::from_chars(parts[i].data(), end, ends[i]);
    if (error != std::errc{} || stop != end) {
      return std::nullopt;
    }
  }
  return ends[0] >= 1024 && ends[0] <= ends[1] && ends[1] <= 65535 ? std::optional(std::pair(ends[0], ends[1])) : std::nullopt;
}

std::optional<int> parse_count(std::string_view text) {
  int count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  return error == std::errc{} && stop == end && count >= 1 ? std::optional(count) : std::nullopt;
}

template <class Field>
bool assign(Field& field, const std::optional<Field>& value) {
  if (value) {
    field = *value;
  }
  return value.has_value();
}

const std::map<std::string, Key>& keys() {
  static const std::map<std::string, Key> table{
      {"native.user",
       {"the name of an account",
        [](Config& config, const YAML::Node& node) {
          config.native_user = node.as<std::string>();
          return !config.native_user.empty();
        }}},
      {"native.bin_dirs",
       {"a list of directories",
        [](Config& config, const YAML::Node& node) {
          if (!node.IsSequence()) {
            return false;
          }
          for (const YAML::Node& entry : node) {
            config.bin_dirs.emplace_back(entry.as<std::string>());
          }
          return true;
        }}},
      {"ports.range",
       {"two ports between 1024 and 65535, such as 15432-17431",
        [](Config& config, const YAML::Node& node) {
          const auto ports = parse_ports(node.as<std::string>());
          if (ports) {
            std::tie(config.first_port, config.last_port) = *ports;
          }
          return ports.has_value();
        }}},
      {"retention.deleted",
       {"a duration such as 24h or 7d",
        [](Config& config, const YAML::Node& node) {
          return assign(config.keep_deleted, parse_duration(node.as<std::string>()));
        }}},
      {"storage.reserve",
       {"a size such as 256M or 2G",
        [](Config& config, const YAML::Node& node) {
          return assign(config.reserve_bytes, parse_bytes(node.as<std::string>()));
        }}},
      {"exec.max_running",
       {"a number, 1 or more",
        [](Config& config, const YAML::Node& node) {
          return assign(config.max_running_execs, parse_count(node.as<std::string>()));
        }}},
      {"lock.wait",
       {"a duration such as 10s",
        [](Config& config, const YAML::Node& node) {
          const auto wait = parse_duration(node.as<std::string>());
          config.lock_wait = wait.value_or(std::chrono::seconds(0));
          return wait.has_value();
        }}},
  };
  return table;
}

std::string place(const fs::path& file, const YAML::Mark& mark) {
  return fmt::format("{}:{}", file.string(), mark.line + 1);
}

void set(Config& config, const fs::path& file, const std::string& name, const YAML::Node& node, const YAML::Mark& mark) {
  const auto key = keys().find(name);
  if (key == keys().end()) {
    std::vector<std::string> names;
    for (const auto& [known, ignored] : keys()) {
      names.push_back(known);
    }
    throw Error(ErrorCode::usage, fmt::format("{}: unknown key '{}'", place(file, mark), name),
                did_you_mean(name, names, fmt::format("Known are {}.", fmt::join(names, ", "))));
  }
  bool good = false;
  try {
    good = key->second.set(config, node);
  } catch (const YAML::Exception&) {
    good = false;
  }
  if (!good) {
    throw Error(ErrorCode::usage, fmt::format("{}: {} must be {}", place(file, mark), name, key->second.expected), correct_it);
  }
}

}  // namespace

int default_max_running_execs() {
  const long by_cores = std::max(16L, 4 * ::sysconf(_SC_NPROCESSORS_ONLN));
  const long by_memory = ::sysconf(_SC_PHYS_PAGES) / ((256L << 20) / ::sysconf(_SC_PAGESIZE));
  return static_cast<int>(std::max(4L, std::min(by_cores, by_memory)));
}

Config load_config(const fs::path& file) {
  Config config;
  const auto text = read_file_if_exists(file);
  if (!text) {
    return config;
  }
  YAML::Node root;
  try {
    root = YAML::Load(*text);
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::usage, fmt::format("{}: {}", place(file, error.mark), error.msg), correct_it);
  }
  if (root.IsNull()) {
    return config;
  }
  const auto expect_map = [&file](const YAML::Node& node) {
    if (!node.IsMap()) {
      throw Error(ErrorCode::usage, fmt::format("{}: expected 'key: value' lines", place(file, node.Mark())), correct_it);
    }
  };
  expect_map(root);
  for (const auto& section : root) {
    const auto name = section.first.as<std::string>();
    if (!section.second.IsMap()) {
      set(config, file, name, section.second, section.first.Mark());
      continue;
    }
    for (const auto& entry : section.second) {
      set(config, file, name + "." + entry.first.as<std::string>(), entry.second, entry.first.Mark());
    }
  }
  return config;
}

}  // namespace bpg::engine
