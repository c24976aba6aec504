#include "bpg/postgres/setting_check.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::postgres {

namespace {

constexpr const char* leave_it_out = "Leave it out.";

struct Fixed {
  std::string_view name;  ///< or how names begin, where it ends in '*'
  std::string_view reason;
};

constexpr Fixed fixed[] = {
    {"port", "the port is the branch's own, from ports.range, and stays with it"},
    {"listen_addresses", "branches listen on loopback only"},
    {"unix_socket_*", "the socket is how bpg reaches the server"},
    {"cluster_name", "bpg knows a server by it"},
    {"data_directory", "the data directory is the branch's volume"},
    {"config_file", "bpg writes the configuration file"},
    {"hba_file", "bpg writes the access file"},
    {"ident_file", "bpg writes the access file"},
    {"external_pid_file", "bpg finds a server by its data directory"},
    {"archive_mode", "each branch archives its WAL into an archive of its own, or not at all (--no-archive)"},
    {"archive_command", "bpg-wal archives the WAL of a branch"},
    {"archive_library", "bpg-wal archives the WAL of a branch"},
    {"archive_cleanup_command", "recovery is bpg's"},
    {"restore_command", "recovery is bpg's"},
    {"recovery_target*", "recovery is bpg's"},
    {"recovery_end_command", "recovery is bpg's"},
    {"primary_*", "a branch is no standby"},
    {"promote_trigger_file", "a branch is no standby"},
    {"log_destination", "the log is kept by bpg: 'bpg logs'"},
    {"logging_collector", "the log is kept by bpg: 'bpg logs'"},
    {"log_directory", "the log is kept by bpg: 'bpg logs'"},
    {"log_file*", "the log is kept by bpg: 'bpg logs'"},
    {"log_rotation_*", "the log is kept by bpg: 'bpg logs'"},
    {"log_truncate_on_rotation", "the log is kept by bpg: 'bpg logs'"},
    {"transaction_isolation", "it belongs to a transaction; there is default_transaction_isolation"},
    {"transaction_read_only", "it belongs to a transaction; there is default_transaction_read_only"},
    {"transaction_deferrable", "it belongs to a transaction; there is default_transaction_deferrable"},
    {"db_user_namespace", "the roles that bpg and URLs name would be others"},
    {"role", "it belongs to a session"},
    {"session_authorization", "it belongs to a session"},
    {"seed", "it belongs to a session"},
};

bool matches(std::string_view pattern, std::string_view name) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
}

bool is_word(std::string_view word) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !word.empty() && letter(word[0]) &&
         std::ranges::all_of(word, [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '$'; });
}

/// "name" or "extension.name", as valid_custom_variable_name in guc.c has it.
void check_form(const ServerSetting& setting) {
  if (!std::ranges::all_of(split(setting.name, '.'), is_word)) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not the name of a setting", setting.name),
                "It is NAME or EXTENSION.NAME, of letters, digits and underscores.");
  }
  if (setting.value.find('\0') != std::string::npos) {
    throw Error(ErrorCode::usage, fmt::format("the value of {} holds a zero byte", setting.name), leave_it_out);
  }
}

/// "FATAL:  invalid value …" out of a line of a log, whatever its prefix; empty where there is no such line.
std::string part_of_log(const std::string& log, std::string_view severity) {
  for (const std::string_view line : split(log, '\n')) {
    if (const size_t at = line.find(severity); at != std::string_view::npos) {
      return std::string(trim(line.substr(at + severity.size())));
    }
  }
  return {};
}

void check_library_files(const Programs& programs, const ServerSetting& setting) {
  if (!setting.name.ends_with("_preload_libraries")) {
    return;
  }
  const std::string directory(trim(run_checked(programs, {"pg_config", "--pkglibdir"})));
  for (const std::string_view entry : split(setting.value, ',')) {
    const std::string name(trim(entry));
    if (name.empty() || name.find_first_of("/\"'$") != std::string::npos) {
      continue;
    }
    if (!programs.has_file(std::filesystem::path(directory) / (name + ".so"))) {
      throw Error(ErrorCode::usage, fmt::format("PostgreSQL {} has no library '{}' in {}", programs.major(), name, directory),
                  setting.name.starts_with("shared") ? "The server would not start. Install the extension's package first."
                                                     : "Nobody could connect. Install the extension's package first.");
    }
  }
}

[[noreturn]] void throw_refusal(const Programs& programs, const std::vector<ServerSetting>& settings, const std::string& log) {
  const std::string message = part_of_log(log, "FATAL:  ");
  for (const ServerSetting& setting : settings) {
    if (message == fmt::format("unrecognized configuration parameter \"{}\"", setting.name)) {
      throw Error(ErrorCode::usage, fmt::format("PostgreSQL {} has no setting '{}'", programs.major(), setting.name),
                  did_you_mean(setting.name, setting_names(programs),
                               "'bpg connect SUBJECT -- -c \"SHOW ALL\"' lists them. A setting of an extension is EXTENSION.NAME."));
    }
  }
  std::string hint = part_of_log(log, "HINT:  ");
  if (hint.empty()) {
    hint = part_of_log(log, "DETAIL:  ");
  }
  if (hint.empty()) {
    hint = "PostgreSQL's documentation of the setting says what it may be.";
  }
  throw Error(ErrorCode::usage,
              message.empty() ? fmt::format("PostgreSQL {} does not take these settings", programs.major())
                              : fmt::format("PostgreSQL {}: {}", programs.major(), message),
              hint);
}

}  // namespace

void refuse_fixed_setting(const ServerSetting& setting) {
  for (const Fixed& one : fixed) {
    if (matches(one.name, setting.name)) {
      throw Error(ErrorCode::refused, fmt::format("{} cannot be set: {}", setting.name, one.reason), leave_it_out);
    }
  }
  // Whatever copies a running branch file by file needs backup mode, and a slot that keeps its WAL.
  if (setting.name == "wal_level" && to_lower(setting.value) == "minimal") {
    throw Error(ErrorCode::refused, "wal_level cannot be minimal: a running branch could not be copied", leave_it_out);
  }
  if (setting.name == "max_replication_slots" && setting.value == "0") {
    throw Error(ErrorCode::refused, "max_replication_slots cannot be 0: a running branch could not be copied", leave_it_out);
  }
}

void check_settings(const Programs& programs, const std::vector<ServerSetting>& settings) {
  if (settings.empty()) {
    return;
  }
  // -C prints one setting and ends; the others are read all the same.
  std::vector<std::string> argv{"postgres", "-D", "/", "--config-file=/dev/null"};
  for (const ServerSetting& setting : settings) {
    check_form(setting);
    refuse_fixed_setting(setting);
    argv.push_back("-c");
    argv.push_back(setting.name + "=" + setting.value);
  }
  argv.insert(argv.end(), {"-C", "work_mem"});
  const RunResult result = programs.run(argv);
  if (result.exit_status != 0) {
    throw_refusal(programs, settings, result.err);
  }
  for (const ServerSetting& setting : settings) {
    check_library_files(programs, setting);
  }
}

std::vector<std::string> setting_names(const Programs& programs) {
  const std::string list = run_checked(programs, {"postgres", "--describe-config"});
  std::vector<std::string> names;
  for (const std::string_view line : split(list, '\n')) {
    const std::string name(line.substr(0, line.find('\t')));
    if (!name.empty()) {
      names.push_back(to_lower(name));
    }
  }
  return names;
}

}  // namespace bpg::postgres
