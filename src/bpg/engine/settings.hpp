#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// One setting of a branch, and why it is so.
struct SettingView {
  std::string name;
  std::string value;                     ///< as it was given
  std::string source;                    ///< "default" (betterpg's), "profile", "database", "branch", "alter_system"
  std::optional<std::string> effective;  ///< what the server has now, in its words; nothing where it does not run
  bool pending_restart = false;          ///< what was given is in effect only after a restart
};

struct SettingsView {
  std::string subject;
  std::string profile;            ///< empty: none
  bool profile_is_known = true;   ///< false: it has gone from the configuration, and counts for nothing
  bool running = false;
  std::vector<SettingView> settings;  ///< by name: all that PostgreSQL's own defaults do not decide
};

SettingsView get_settings(const Context& context, const Subject& subject);

struct ChangeSettings {
  std::vector<ServerSetting> set{};
  std::vector<std::string> unset{};
  std::optional<std::string> profile{};  ///< of a branch
};

/// Changes what is set for one branch. Everything is checked before anything is changed. Where its server runs, it has
/// taken the change when this returns, but for what needs a restart; where it refuses, nothing has changed.
SettingsView change_branch_settings(Context& context, const Subject& subject, const ChangeSettings& change);

/// The same for a database: for all branches that do not say otherwise. What it answers with is all of its branches.
std::vector<SettingsView> change_database_settings(Context& context, const std::string& database, const ChangeSettings& change);

}  // namespace bpg::engine
