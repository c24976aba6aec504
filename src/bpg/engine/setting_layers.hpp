#pragma once

#include <string>
#include <vector>

#include "bpg/engine/find.hpp"
#include "bpg/postgres/settings.hpp"

namespace bpg::engine {

/// The profile of that name; an empty name: none. `Error{usage}` where the configuration has no such profile.
Profile choose_profile(const Context& context, const std::string& name);

/// A profile as settings of PostgreSQL: its memory and durability, then what it names itself.
std::vector<ServerSetting> settings_of(const Profile& profile);

/// What applies to a branch over betterpg's defaults, the last one winning: its profile, its database, itself. A
/// profile that is no longer in the configuration counts for nothing: that is the durable and small way.
struct SettingLayers {
  std::vector<ServerSetting> profile;
  std::vector<ServerSetting> database;
  std::vector<ServerSetting> branch;
};

SettingLayers setting_layers(const Context& context, const BranchRef& branch);

/// The same for the file.
std::vector<postgres::SettingsLayer> file_layers(const Context& context, const BranchRef& branch);

/// Whether a power cut may destroy the branch: fsync or full_page_writes is off for it.
bool has_relaxed_durability(const Context& context, const BranchRef& branch);

/// What a new branch takes over from the branch it is cut from: that one's own settings, and what its profile says of
/// the planner, so that plans are the same; but nothing of memory and durability, which a branch's own profile decides.
std::vector<ServerSetting> inherited_settings(const Context& context, const BranchRef& parent);

/// The first list, with what the second says instead; by name.
std::vector<ServerSetting> merge_settings(const std::vector<ServerSetting>& settings, const std::vector<ServerSetting>& over);

/// When a branch expires that is made now with this profile; nothing: never.
std::optional<Time> expiry(const Profile& profile, Time now);

/// The names of all settings of the newest installed PostgreSQL, for completions. `bpg init` need not have been run.
std::vector<std::string> known_settings(const std::optional<std::filesystem::path>& config_file);

/// Throws where the database's PostgreSQL would not take them (postgres/setting_check.hpp).
void check_settings(const Context& context, const Database& database, const std::vector<ServerSetting>& settings);

/// "work_mem=64MB"; throws `Error{usage}` where there is no "=".
ServerSetting parse_setting(const std::string& text);
std::vector<ServerSetting> parse_settings(const std::vector<std::string>& texts);

}  // namespace bpg::engine
