#include "bpg/engine/setting_layers.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "bpg/engine/server_host.hpp"
#include "bpg/postgres/setting_check.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::engine {

namespace {

/// What a server costs, and what it promises: never taken over from another branch.
constexpr std::array profile_decides = std::to_array<std::string_view>(
    {"shared_buffers", "huge_pages", "huge_page_size", "temp_buffers", "work_mem", "hash_mem_multiplier", "maintenance_work_mem",
     "autovacuum_work_mem", "logical_decoding_work_mem", "min_dynamic_shared_memory", "wal_buffers", "max_wal_size",
     "min_wal_size", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method"});

/// What decides plans, besides enable_* and the memory that a node may use.
constexpr std::array planner = std::to_array<std::string_view>(
    {"seq_page_cost", "random_page_cost", "cpu_tuple_cost", "cpu_index_tuple_cost", "cpu_operator_cost", "parallel_setup_cost",
     "parallel_tuple_cost", "min_parallel_table_scan_size", "min_parallel_index_scan_size", "effective_cache_size",
     "effective_io_concurrency", "max_parallel_workers_per_gather", "jit", "jit_above_cost", "jit_inline_above_cost",
     "jit_optimize_above_cost", "default_statistics_target", "constraint_exclusion", "cursor_tuple_fraction",
     "from_collapse_limit", "join_collapse_limit", "plan_cache_mode", "recursive_worktable_factor", "geqo", "geqo_threshold",
     "geqo_effort", "geqo_pool_size", "geqo_generations", "geqo_selection_bias", "geqo_seed"});

bool decided_by_profile(const std::string& name) { return std::ranges::find(profile_decides, name) != profile_decides.end(); }

bool decides_plans(const std::string& name) {
  return name.starts_with("enable_") || std::ranges::find(planner, name) != planner.end();
}

std::string kilobytes(uint64_t bytes) { return fmt::format("{}kB", bytes >> 10); }

/// As parse_bool in PostgreSQL has it, but for abbreviations.
bool is_off(const std::string& value) {
  const std::string word = to_lower(value);
  return word == "off" || word == "false" || word == "no" || word == "0";
}

std::vector<ServerSetting> settings_of_profile(const Context& context, const Branch& branch) {
  const auto profile = context.config.profiles.find(branch.profile);
  return profile == context.config.profiles.end() ? std::vector<ServerSetting>{} : settings_of(profile->second);
}

}  // namespace

Profile choose_profile(const Context& context, const std::string& name) {
  return name.empty() ? Profile{} : find_profile(context.config, name);
}

std::vector<ServerSetting> settings_of(const Profile& profile) {
  std::vector<ServerSetting> settings;
  if (const uint64_t memory = profile.memory_bytes; memory > 0) {
    constexpr uint64_t smallest_work_mem = uint64_t{4} << 20;
    settings = {{"shared_buffers", kilobytes(memory / 4)},
                {"effective_cache_size", kilobytes(memory / 4 * 3)},
                {"maintenance_work_mem", kilobytes(memory / 16)},
                {"work_mem", kilobytes(std::max(memory / 256, smallest_work_mem))}};
  }
  if (profile.relaxed) {
    settings.insert(settings.end(), {{"fsync", "off"}, {"synchronous_commit", "off"}, {"full_page_writes", "off"}});
  }
  std::vector<ServerSetting> own;
  for (const auto& [name, value] : profile.settings) {
    own.push_back({name, value});
  }
  return merge_settings(settings, own);
}

SettingLayers setting_layers(const Context& context, const BranchRef& branch) {
  return {.profile = settings_of_profile(context, branch.branch),
          .database = context.catalog.settings.of(branch.database.id),
          .branch = context.catalog.settings.of(branch.branch.id)};
}

std::vector<postgres::SettingsLayer> file_layers(const Context& context, const BranchRef& branch) {
  SettingLayers layers = setting_layers(context, branch);
  return {{"profile " + branch.branch.profile, std::move(layers.profile)},
          {"database " + branch.database.name, std::move(layers.database)},
          {"branch " + branch.subject(), std::move(layers.branch)}};
}

bool has_relaxed_durability(const Context& context, const BranchRef& branch) {
  const SettingLayers layers = setting_layers(context, branch);
  const auto settings = merge_settings(merge_settings(layers.profile, layers.database), layers.branch);
  return std::ranges::any_of(settings, [](const ServerSetting& setting) {
    return (setting.name == "fsync" || setting.name == "full_page_writes") && is_off(setting.value);
  });
}

std::vector<ServerSetting> inherited_settings(const Context& context, const BranchRef& parent) {
  std::vector<ServerSetting> from_profile = settings_of_profile(context, parent.branch);
  std::erase_if(from_profile, [](const ServerSetting& setting) { return !decides_plans(setting.name); });
  std::vector<ServerSetting> own = context.catalog.settings.of(parent.branch.id);
  std::erase_if(own, [](const ServerSetting& setting) { return decided_by_profile(setting.name); });
  return merge_settings(from_profile, own);
}

std::vector<ServerSetting> merge_settings(const std::vector<ServerSetting>& settings, const std::vector<ServerSetting>& over) {
  std::map<std::string, std::string> merged;
  for (const auto* list : {&settings, &over}) {
    for (const ServerSetting& setting : *list) {
      merged[setting.name] = setting.value;
    }
  }
  std::vector<ServerSetting> result;
  for (const auto& [name, value] : merged) {
    result.push_back({name, value});
  }
  return result;
}

std::optional<Time> expiry(const Profile& profile, Time now) {
  return profile.ttl ? std::optional(now + *profile.ttl) : std::nullopt;
}

std::vector<std::string> known_settings(const std::optional<std::filesystem::path>& config_file) {
  const Config config = load_config(Home::find(config_file).config_file);
  return postgres::setting_names(
      postgres::InstalledPrograms(postgres::choose_installation(config.bin_dirs, std::nullopt), native_account(config)));
}

void check_settings(const Context& context, const Database& database, const std::vector<ServerSetting>& settings) {
  if (!settings.empty()) {
    postgres::check_settings(*programs_of(context, database), settings);
  }
}

ServerSetting parse_setting(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not NAME=VALUE", text), "Such as work_mem=64MB.");
  }
  return {to_lower(trim(std::string_view(text).substr(0, equals))), text.substr(equals + 1)};
}

std::vector<ServerSetting> parse_settings(const std::vector<std::string>& texts) {
  std::vector<ServerSetting> settings;
  for (const std::string& text : texts) {
    settings.push_back(parse_setting(text));
  }
  return settings;
}

}  // namespace bpg::engine
