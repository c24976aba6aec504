#include "bpg/postgres/settings.hpp"

#include <fmt/format.h>

#include "bpg/postgres/data_directory.hpp"

namespace bpg::postgres {

std::string render_settings(const SettingsOptions& options) {
  std::string text =
      "# Written by bpg at each start; changes here are lost. ALTER SYSTEM overrides what stands here.\n"
      "include_if_exists = 'data/postgresql.conf'\n"
      "\n"
      "# A branch is one of many on its machine.\n"
      "shared_buffers = '32MB'\n"
      "max_wal_size = '256MB'\n"
      "min_wal_size = '32MB'\n"
      "\n"
      "log_line_prefix = '%m [%p] '\n";
  if (options.copy_on_write) {
    text +=
        "\n"
        "# Copy-on-write storage writes new blocks anyway.\n"
        "wal_init_zero = off\n"
        "wal_recycle = off\n";
  }
  switch (options.durability) {
    case Durability::full:
      break;
    case Durability::synced_at_the_end:
      text +=
          "\n"
          "# Being made: the file system is synced before anybody gets to use it.\n"
          "fsync = off\n";
      break;
    case Durability::none:
      text +=
          "\n"
          "# Lives for one command: it need not survive a power cut.\n"
          "fsync = off\n"
          "synchronous_commit = off\n"
          "full_page_writes = off\n"
          "shared_buffers = '16MB'\n";
      break;
  }
  if (options.bulk_load) {
    text +=
        "\n"
        "# A dump is being loaded.\n"
        "autovacuum = off\n"
        "maintenance_work_mem = '256MB'\n"
        "max_wal_size = '2GB'\n"
        "checkpoint_timeout = '1h'\n";
  }
  return text;
}

std::string render_hba(bool open) {
  std::string text =
      "# Written by bpg at each start; changes here are lost.\n"
      "local all all peer map=betterpg\n";
  if (open) {
    text += "host all all 127.0.0.1/32 scram-sha-256\n";
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

std::vector<std::pair<std::string, std::string>> fixed_settings(const std::filesystem::path& volume) {
  return {{"config_file", (volume / settings_file).string()},
          {"hba_file", (volume / hba_file).string()},
          {"ident_file", (volume / ident_file).string()},
          {"listen_addresses", "127.0.0.1"},
          {"unix_socket_permissions", "0700"},
          {"archive_mode", "off"},  // the source's archive is the source's alone
          {"log_destination", "stderr"},
          {"logging_collector", "off"}};
}

std::vector<std::pair<std::string, std::string>> quarantine_settings() {
  return {{"max_logical_replication_workers", "0"}, {"cron.launch_active_jobs", "off"}};
}

}  // namespace bpg::postgres
