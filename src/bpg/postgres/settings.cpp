#include "bpg/postgres/settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/postgres/data_directory.hpp"

namespace bpg::postgres {

namespace {

/// As guc-file.l reads it: quotes are doubled, and a backslash begins an escape.
std::string quote_value(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    switch (c) {
      case '\'': quoted += "''"; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      default: quoted += c;
    }
  }
  return quoted + "'";
}

void append(std::string& text, const SettingsLayer& layer) {
  if (!layer.settings.empty()) {
    text += fmt::format("\n# {}\n", layer.origin);
  }
  for (const ServerSetting& setting : layer.settings) {
    text += fmt::format("{} = {}\n", setting.name, quote_value(setting.value));
  }
}

}  // namespace

std::vector<ServerSetting> default_settings(const SettingsOptions& options) {
  // The server does not start with less than two segments of either.
  const uint64_t segment_mb = options.wal_segment_size >> 20;
  std::vector<ServerSetting> settings{{"shared_buffers", "32MB"},
                                      {"max_wal_size", fmt::format("{}MB", std::max<uint64_t>(256, 4 * segment_mb))},
                                      {"min_wal_size", fmt::format("{}MB", std::max<uint64_t>(32, 2 * segment_mb))},
                                      {"log_line_prefix", "%m [%p] "}};
  if (options.copy_on_write) {  // such storage writes new blocks anyway
    settings.push_back({"wal_init_zero", "off"});
    settings.push_back({"wal_recycle", "off"});
  }
  if (options.archive) {  // what an idle moment can lose with the machine
    settings.push_back({"archive_timeout", "60s"});
  }
  return settings;
}

std::string render_settings(const SettingsOptions& options) {
  std::string text =
      "# Written by bpg at each start; changes here are lost. ALTER SYSTEM overrides what stands here.\n"
      "include_if_exists = 'data/postgresql.conf'\n";
  append(text, {"betterpg", default_settings(options)});
  if (options.durability == Durability::none) {
    append(text, {"one command", {{"shared_buffers", "16MB"}}});
  }
  for (const SettingsLayer& layer : options.layers) {
    append(text, layer);
  }
  switch (options.durability) {
    case Durability::full:
      break;
    case Durability::synced_at_the_end:
      append(text, {"Being made: the file system is synced before anybody gets to use it.", {{"fsync", "off"}}});
      break;
    case Durability::none:
      append(text, {"Lives for one command: it need not survive a power cut.",
                    {{"fsync", "off"}, {"synchronous_commit", "off"}, {"full_page_writes", "off"}}});
      break;
  }
  if (options.bulk_load) {
    append(text, {"A dump is being loaded.",
                  {{"autovacuum", "off"},
                   {"maintenance_work_mem", "256MB"},
                   {"max_wal_size", "2GB"},
                   {"checkpoint_timeout", "1h"}}});
  }
  return text;
}

std::string render_hba(bool open, Place place) {
  std::string text = "# Written by bpg at each start; changes here are lost.\n";
  text += place == Place::machine ? "local all all peer map=betterpg\n" : "local all all trust\n";
  if (open) {
    text += fmt::format("host all all {} scram-sha-256\n", place == Place::network ? "all" : "127.0.0.1/32");
  }
  return text;
}

std::string render_ident(const std::vector<std::string>& accounts) {
  std::string text = "# Written by bpg at each start; changes here are lost.\n";
  for (const std::string& account : accounts) {
    for (const char* role : {superuser, owner_role}) {
      text += fmt::format("betterpg \"{}\" {}\n", account, role);
    }
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> fixed_settings(const std::filesystem::path& volume, Place place) {
  return {{"config_file", (volume / settings_file).string()},
          {"hba_file", (volume / hba_file).string()},
          {"ident_file", (volume / ident_file).string()},
          {"listen_addresses", place == Place::network ? "*" : "127.0.0.1"},
          {"unix_socket_permissions", "0700"},
          {"log_destination", "stderr"},
          {"logging_collector", "off"}};
}

std::vector<std::pair<std::string, std::string>> archive_settings(const std::string& command, int pg_major) {
  if (command.empty()) {
    return {{"archive_mode", "off"}};
  }
  std::vector<std::pair<std::string, std::string>> settings{{"archive_mode", "on"}, {"archive_command", command}};
  if (pg_major >= 15) {
    settings.emplace_back("archive_library", "");  // one in a configuration file would win over the command
  }
  return settings;
}

std::vector<std::pair<std::string, std::string>> recovery_settings(const std::string& restore_command, Lsn record, uint32_t timeline) {
  // The configuration may hold another target, such as a backup tool leaves. "Multiple targets" is said where one is set,
  // if only to nothing, behind the one that counts: the others come first.
  return {{"recovery_target", ""},
          {"recovery_target_name", ""},
          {"recovery_target_time", ""},
          {"recovery_target_xid", ""},
          {"recovery_min_apply_delay", "0"},
          {"restore_command", restore_command},
          {"recovery_target_lsn", record.str()},
          {"recovery_target_inclusive", "on"},
          {"recovery_target_timeline", fmt::format("{}", timeline)},
          {"recovery_target_action", "promote"},
          {"recovery_end_command", ""},
          {"archive_cleanup_command", ""},
          {"hot_standby", "off"}};
}

std::vector<std::pair<std::string, std::string>> quarantine_settings() {
  return {{"max_logical_replication_workers", "0"}, {"cron.launch_active_jobs", "off"}};
}

}  // namespace bpg::postgres
