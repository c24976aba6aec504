#include "bpg/engine/settings.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/engine/lock.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/setting_layers.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

/// By name, as the layers say.
std::map<std::string, SettingView> configured_settings(const Context& context, const BranchRef& branch) {
  const SettingLayers layers = setting_layers(context, branch);
  const auto defaults = postgres::default_settings({.copy_on_write = context.storage->traits().shares_space,
                                                    .archive = volume_of(context, branch.branch).archived,
                                                    .wal_segment_size = wal_segment_size(context, branch.branch.volume)});
  std::map<std::string, SettingView> views;
  for (const auto& [source, settings] : {std::pair("default", &defaults), std::pair("profile", &layers.profile),
                                         std::pair("database", &layers.database), std::pair("branch", &layers.branch)}) {
    for (const ServerSetting& setting : *settings) {
      views[setting.name] = {.name = setting.name, .value = setting.value, .source = source, .effective = std::nullopt};
    }
  }
  return views;
}

/// What the server says of them; and what ALTER SYSTEM put over them, which betterpg does not touch.
void ask_server(const Context& context, const BranchRef& branch, std::map<std::string, SettingView>& views) {
  std::vector<std::string> names;
  for (const auto& [name, view] : views) {
    names.push_back(name);
  }
  postgres::Session session(admin_endpoint(context, branch.branch, branch.branch.volume));
  // What our own session overrides is in effect for the others as the file has it.
  const auto rows = session.query(
      "SELECT n,"
      "       CASE WHEN s.source = 'client'"
      "            THEN (SELECT f.setting FROM pg_file_settings f WHERE lower(f.name) = n AND f.applied)"
      "            ELSE current_setting(n, true) END,"
      "       coalesce(s.pending_restart, false),"
      "       coalesce(s.sourcefile LIKE '%/postgresql.auto.conf', false)"
      "  FROM (SELECT unnest($1::text[]) UNION SELECT lower(name) FROM pg_settings"
      "         WHERE sourcefile LIKE '%/postgresql.auto.conf') AS wanted (n)"
      "  LEFT JOIN pg_settings s ON lower(s.name) = n",
      {fmt::format("{{{}}}", fmt::join(names, ","))});
  for (const postgres::Row& row : rows) {
    SettingView& view = views[row.at(0).value()];
    view.name = row.at(0).value();
    view.effective = row.at(1);
    view.pending_restart = row.at(2) == "t";
    if (row.at(3) == "t") {
      view.source = "alter_system";
      view.value = row.at(1).value_or("");
    }
  }
}

SettingsView view_settings(const Context& context, const BranchRef& branch) {
  const bool running = server_status(context, branch.branch.volume).ready;
  auto views = configured_settings(context, branch);
  if (running) {
    ask_server(context, branch, views);
  }
  SettingsView result{.subject = branch.subject(),
                      .profile = branch.branch.profile,
                      .profile_is_known = branch.branch.profile.empty() || context.config.profiles.contains(branch.branch.profile),
                      .running = running,
                      .settings = {}};
  for (auto& [name, view] : views) {
    result.settings.push_back(std::move(view));
  }
  return result;
}

void refuse_what_is_not_set(const std::string& owner, const std::vector<ServerSetting>& present,
                            const std::vector<std::string>& unset) {
  std::vector<std::string> names;
  for (const ServerSetting& setting : present) {
    names.push_back(setting.name);
  }
  for (const std::string& name : unset) {
    if (std::ranges::find(names, name) == names.end()) {
      throw Error(ErrorCode::not_found, fmt::format("{} is not set for {}", name, owner),
                  did_you_mean(name, names, "'bpg settings SUBJECT' shows what is set, and where."));
    }
  }
}

template <class Owner>
void store(Context& context, const Owner& owner, const ChangeSettings& change) {
  for (const ServerSetting& setting : change.set) {
    context.catalog.settings.set(owner, setting);
  }
  for (const std::string& name : change.unset) {
    context.catalog.settings.unset(owner, name);
  }
}

/// The change that takes `change` back.
ChangeSettings inverse(const std::vector<ServerSetting>& before, const ChangeSettings& change) {
  ChangeSettings back{.set = before};
  for (const ServerSetting& setting : change.set) {
    if (std::ranges::find(before, setting.name, &ServerSetting::name) == before.end()) {
      back.unset.push_back(setting.name);
    }
  }
  return back;
}

/// Stores the change, then has the servers take it. Whatever fails, `take_back` and all of them again: it must do no
/// harm where nothing was stored.
void change_and_reload(Context& context, const std::vector<BranchRef>& branches, const std::function<void()>& change,
                       const std::function<void()>& take_back) {
  try {
    step("store settings", [&] { context.catalog.write(change); });
    for (const BranchRef& branch : branches) {
      reload_settings(context, find_branch_again(context, branch));
    }
  } catch (const Error&) {
    const HoldInterrupts hold;
    context.catalog.write(take_back);
    for (const BranchRef& branch : branches) {
      try {
        reload_settings(context, find_branch_again(context, branch));
      } catch (const Error&) {  // the first error is the one to tell; the file is right again at the next start
      }
    }
    throw;
  }
}

}  // namespace

SettingsView get_settings(const Context& context, const Subject& subject) {
  return view_settings(context, find_branch(context, subject));
}

SettingsView change_branch_settings(Context& context, const Subject& subject, const ChangeSettings& request) {
  ChangeSettings change = request;
  std::ranges::transform(request.unset, change.unset.begin(), to_lower);
  BranchRef branch = find_branch(context, subject);
  std::vector<ServerSetting> new_ones = change.set;
  if (change.profile) {
    new_ones = merge_settings(settings_of(find_profile(context.config, *change.profile)), new_ones);
  }
  check_settings(context, branch.database, new_ones);
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  branch = find_branch_again(context, branch);
  const auto before = context.catalog.settings.of(branch.branch.id);
  refuse_what_is_not_set(branch.subject(), before, change.unset);

  change_and_reload(
      context, {branch},
      [&] {
        store(context, branch.branch.id, change);
        Branch changed = branch.branch;
        changed.profile = change.profile.value_or(changed.profile);
        context.catalog.branches.update(changed);
      },
      [&] {
        store(context, branch.branch.id, inverse(before, change));
        context.catalog.branches.update(branch.branch);
      });
  return view_settings(context, find_branch_again(context, branch));
}

std::vector<SettingsView> change_database_settings(Context& context, const std::string& name, const ChangeSettings& request) {
  ChangeSettings change = request;
  std::ranges::transform(request.unset, change.unset.begin(), to_lower);
  const Database database = find_database(context, name);
  check_settings(context, database, change.set);
  std::vector<BranchRef> branches;
  std::vector<FileLock> locks;
  for (const Branch& branch : context.catalog.branches.list(database.id)) {
    if (branch.state == State::ready) {
      const BranchRef before{database, branch};
      locks.push_back(lock_branch(context, branch, FileLock::Mode::exclusive));
      branches.push_back(find_branch_again(context, before));
    }
  }
  const auto before = context.catalog.settings.of(database.id);
  refuse_what_is_not_set("database " + database.name, before, change.unset);
  change_and_reload(
      context, branches, [&] { store(context, database.id, change); },
      [&] { store(context, database.id, inverse(before, change)); });
  std::vector<SettingsView> views;
  for (const BranchRef& branch : branches) {
    views.push_back(view_settings(context, branch));
  }
  return views;
}

}  // namespace bpg::engine
