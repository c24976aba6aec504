#include "bpg/engine/config.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "bpg/core/name.hpp"
#include "bpg/engine/config_text.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::engine {

namespace {

constexpr std::string_view profiles_section = "profiles.";
constexpr std::string_view settings_section = "settings.";
constexpr const char* settings_effect = "A setting of PostgreSQL";

std::vector<std::string> known_keys(const Config& config) {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) {
    names.push_back(key.name);
  }
  for (const auto& [name, profile] : config.profiles) {
    for (const ProfileKey& key : profile_keys()) {
      names.push_back(fmt::format("{}{}.{}", profiles_section, name, key.name));
    }
    names.push_back(fmt::format("{}{}.{}NAME", profiles_section, name, settings_section));
  }
  return names;
}

[[noreturn]] void throw_unknown(const Config& config, const std::string& place, const std::string& key) {
  throw Error(ErrorCode::usage, fmt::format("{}unknown key '{}'", place, key),
              did_you_mean(key, known_keys(config), "'bpg config show' lists all keys."));
}

[[noreturn]] void throw_wrong(const std::string& place, const std::string& key, const std::string& form) {
  throw Error(ErrorCode::usage, fmt::format("{}{} must be {}", place, key, form), correct_it);
}

bool is_single(const ConfigValue& value) { return !value.is_list && value.items.size() == 1; }

/// "profiles.ci.ttl" as "ci" and "ttl".
std::pair<std::string, std::string> split_profile_key(const std::string& key) {
  const std::string rest = key.substr(profiles_section.size());
  const size_t dot = rest.find('.');
  return {rest.substr(0, dot), dot == std::string::npos ? std::string() : rest.substr(dot + 1)};
}

void apply_to_profile(Config& config, const std::string& place, const std::string& key, const ConfigValue& value) {
  const auto [name, field] = split_profile_key(key);
  try {
    check_name("profile", name);
  } catch (const Error& error) {
    throw Error(error.code(), place + error.message(), error.hint());
  }
  Profile& profile = config.profiles[name];
  if (field.empty()) {  // a profile without any keys of its own
    if (!value.items.empty() || value.is_list) {
      throw_wrong(place, key, "a section of its own");
    }
    return;
  }
  if (field.starts_with(settings_section)) {
    if (!is_single(value)) {
      throw_wrong(place, key, "one value");
    }
    profile.settings[to_lower(field.substr(settings_section.size()))] = value.items[0];
    return;
  }
  const auto known = std::ranges::find(profile_keys(), field, &ProfileKey::name);
  if (known == profile_keys().end()) {
    throw_unknown(config, place, key);
  }
  if (!is_single(value) || !known->read(profile, value.items[0])) {
    throw_wrong(place, key, known->form);
  }
}

void apply(Config& config, const std::string& place, const std::string& key, const ConfigValue& value) {
  if (key.starts_with(profiles_section)) {
    apply_to_profile(config, place, key, value);
    return;
  }
  const auto known = std::ranges::find(config_keys(), key, &ConfigKey::name);
  if (known == config_keys().end()) {
    throw_unknown(config, place, key);
  }
  if (known->is_list != value.is_list || (!value.is_list && value.items.size() != 1) || !known->read(config, value)) {
    throw_wrong(place, key, known->form);
  }
}

struct Read {
  Config config;
  std::map<std::string, std::string> origins;  ///< of keys that are not at their default
};

void read_text(Read& read, const std::string& text, const fs::path& file) {
  for (const ConfigLine& line : parse_config_text(text, file)) {
    const std::string origin = fmt::format("{}:{}", file.string(), line.line);
    if (const auto [first, inserted] = read.origins.emplace(line.key, origin); !inserted) {
      throw Error(ErrorCode::usage, fmt::format("{}: {} is set twice", origin, line.key),
                  fmt::format("It is set at {}, too. Take one of them out.", first->second));
    }
    apply(read.config, origin + ": ", line.key, line.value);
  }
}

void read_environment(Read& read) {
  for (const ConfigKey& key : config_keys()) {
    const std::string variable = key.environment();
    const char* text = std::getenv(variable.c_str());
    if (!text || !*text) {
      continue;
    }
    ConfigValue value{.is_list = key.is_list};
    if (key.is_list) {
      for (const std::string_view item : split(text, ':')) {
        value.items.emplace_back(item);
      }
    } else {
      value.items.emplace_back(text);
    }
    apply(read.config, variable + ": ", key.name, value);
    read.origins[key.name] = "environment " + variable;
  }
}

Read read_all(const fs::path& file) {
  Read read;
  if (const auto text = read_file_if_exists(file)) {
    read_text(read, *text, file);
  }
  read_environment(read);
  return read;
}

ConfigValue one(std::string text) { return {.items = {std::move(text)}}; }

void append_profile(std::vector<ConfigEntry>& entries, const std::string& name, const Profile& profile) {
  const auto built_in = Config::built_in_profiles();
  const auto before = built_in.find(name);
  const Profile defaults = before == built_in.end() ? Profile{} : before->second;
  const std::string section = fmt::format("{}{}.", profiles_section, name);
  for (const ProfileKey& key : profile_keys()) {
    entries.push_back({.key = section + key.name,
                       .value = one(key.write(profile)),
                       .default_value = one(key.write(defaults)),
                       .origin = {},
                       .environment = {},
                       .form = key.form,
                       .effect = key.effect});
  }
  for (const auto& [setting, value] : profile.settings) {
    const auto standard = defaults.settings.find(setting);
    entries.push_back({.key = section + std::string(settings_section) + setting,
                       .value = one(value),
                       .default_value = standard == defaults.settings.end() ? ConfigValue{} : one(standard->second),
                       .origin = {},
                       .environment = {},
                       .form = "a value that PostgreSQL takes",
                       .effect = settings_effect});
  }
}

}  // namespace

Config parse_config(const std::string& text, const fs::path& file) {
  Read read;
  read_text(read, text, file);
  return std::move(read.config);
}

Config load_config(const fs::path& file) { return read_all(file).config; }

std::vector<ConfigEntry> list_config(const fs::path& file) {
  const Read read = read_all(file);
  const Config defaults;
  std::vector<ConfigEntry> entries;
  for (const ConfigKey& key : config_keys()) {
    entries.push_back({.key = key.name,
                       .value = key.write(read.config),
                       .default_value = key.write(defaults),
                       .origin = {},
                       .environment = key.environment(),
                       .form = key.form,
                       .effect = key.effect});
  }
  for (const auto& [name, profile] : read.config.profiles) {
    append_profile(entries, name, profile);
  }
  for (ConfigEntry& entry : entries) {
    const auto origin = read.origins.find(entry.key);
    entry.origin = origin == read.origins.end() ? "default" : origin->second;
  }
  return entries;
}

ConfigEntry get_config(const fs::path& file, const std::string& key) {
  const auto entries = list_config(file);
  const auto entry = std::ranges::find(entries, key, &ConfigEntry::key);
  if (entry == entries.end()) {
    std::vector<std::string> names;
    for (const ConfigEntry& known : entries) {
      names.push_back(known.key);
    }
    throw Error(ErrorCode::usage, fmt::format("unknown key '{}'", key),
                did_you_mean(key, names, "'bpg config show' lists all keys."));
  }
  return *entry;
}

const Profile& find_profile(const Config& config, const std::string& name) {
  const auto profile = config.profiles.find(name);
  if (profile == config.profiles.end()) {
    std::vector<std::string> names;
    std::string list;
    for (const auto& [known, ignored] : config.profiles) {
      names.push_back(known);
      list += (list.empty() ? "" : ", ") + known;
    }
    throw Error(ErrorCode::usage, fmt::format("there is no profile '{}'", name),
                did_you_mean(name, names, fmt::format("There are {}. More can be defined in the configuration.", list)));
  }
  return profile->second;
}

}  // namespace bpg::engine
