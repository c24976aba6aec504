#include "bpg/cli/completion_values.hpp"

#include <functional>
#include <map>

#include "bpg/engine/config.hpp"
#include "bpg/engine/live_names.hpp"
#include "bpg/engine/setting_layers.hpp"

namespace bpg::cli {

namespace {

using Names = std::vector<std::string>;
using Source = std::function<Names(const engine::LiveNames& names, const Place& place)>;

std::string first_operand(const Place& place) { return place.operands.empty() ? std::string() : place.operands.front(); }

Names subjects(const engine::LiveNames& names, const Place& place) {
  return place.command.ends_with(" undelete") ? names.deleted_subjects() : names.subjects();
}

Names subjects_and_snapshots(const engine::LiveNames& names, const Place& place) {
  Names all = subjects(names, place);
  const Names snapshots = names.snapshots();
  all.insert(all.end(), snapshots.begin(), snapshots.end());
  return all;
}

Names new_subjects(const engine::LiveNames& names, const Place&) {
  Names beginnings = names.databases();
  for (std::string& name : beginnings) {
    name += "/";
  }
  return beginnings;
}

Names settings(const Place& place) { return engine::known_settings(place.config_file); }

Names settings_to_set(const Place& place) {
  Names all = settings(place);
  for (std::string& name : all) {
    name += "=";
  }
  return all;
}

Names keys(const Place& place) {
  Names all;
  for (const auto& entry : engine::list_config(engine::Home::find(place.config_file).config_file)) {
    all.push_back(entry.key);
  }
  return all;
}

Names profiles(const Place& place) {
  Names all;
  for (const auto& [name, profile] : engine::load_config(engine::Home::find(place.config_file).config_file).profiles) {
    all.push_back(name);
  }
  return all;
}

/// What does not depend on what there is.
const std::map<std::string, Names (*)(const Place&)>& fixed_sources() {
  static const std::map<std::string, Names (*)(const Place&)> all{
      {"SETTING", settings}, {"SETTING=VALUE", settings_to_set}, {"KEY", keys}, {"PROFILE", profiles}};
  return all;
}

/// What is to be completed otherwise than by files and fixed words gets its line here.
const std::map<std::string, Source>& sources() {
  static const std::map<std::string, Source> all{
      {"DATABASE", [](const auto& names, const Place&) { return names.databases(); }},
      {"SUBJECT", subjects},
      {"SUBJECT[@MOMENT]", subjects_and_snapshots},
      {"DATABASE/NAME", new_subjects},
      {"SNAPSHOT", [](const auto& names, const Place&) { return names.snapshots(); }},
      {"LABEL", [](const auto& names, const Place& place) { return names.labels_for(first_operand(place)); }},
      {"VOLUME", [](const auto& names, const Place& place) { return names.kept_volumes(first_operand(place)); }},
  };
  return all;
}

}  // namespace

std::vector<std::string> values_of(const std::string& type, const Place& place) {
  if (type == "FILE" || type == "ARGUMENTS" || type == "COMMAND") {
    return {":files"};
  }
  if (type == "DIR") {
    return {":directories"};
  }
  if (const auto fixed = fixed_sources().find(type); fixed != fixed_sources().end()) {
    return fixed->second(place);
  }
  const auto source = sources().find(type);
  if (source == sources().end()) {
    return {};
  }
  const auto names = engine::LiveNames::open(place.config_file);
  return names ? source->second(*names, place) : std::vector<std::string>{};
}

}  // namespace bpg::cli
