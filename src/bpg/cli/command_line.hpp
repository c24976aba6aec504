#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "bpg/cli/command_page.hpp"
#include "bpg/cli/output.hpp"
#include "bpg/engine/context.hpp"
#include "bpg/util/error.hpp"

namespace bpg::cli {

/// What every command shares: the global options, and the action that the parsed command chose.
struct CommandLine {
  Output output;
  bool yes = false;
  std::optional<std::filesystem::path> config_file;
  std::function<void()> action;
  int exit_status = 0;  ///< of bpg itself, where the action does not throw

  /// Opens what `bpg init` made and mends what interrupted commands left, saying so.
  std::unique_ptr<engine::Context> open();

  /// The same, where times that say no zone are of this one; empty: the configuration's.
  std::unique_ptr<engine::Context> open_at(const std::string& timezone);

  /// Asks, on a terminal and without --yes, before something that cannot be undone; throws `Error{interrupted}`
  /// where the answer is no.
  void confirm_irreversible(const std::string& question) const;

  /// What a command is about, as it was typed. Every command reads its subjects here, so that they mean the same in all:
  /// where a .bpg.yaml pins a database, a word without a slash is a branch of it.
  Subject subject(std::string_view text);
  SubjectAt subject_at(std::string_view text);

  /// "snap_…" or SUBJECT@LABEL, as it was typed, in the form that the engine takes.
  std::string snapshot_reference(std::string_view text);

  /// The subject that was typed; where none was, the branch that follows the git branch of a pinned work tree.
  Subject subject_or_followed(const std::optional<std::string>& text);

  /// The error, with what it may owe to a .bpg.yaml.
  Error explained(const Error& error) const;

  std::string pin_remark;  ///< a sentence on the pin by which a subject was read, or that was passed over
};

/// What the help says of a subject that may be left out.
inline constexpr const char* subject_or_followed_help = "DATABASE/BRANCH (in a pinned git work tree: what follows its branch)";

/// The options of one command, alive as long as the command line is: callbacks fill and read them.
template <class Options>
std::shared_ptr<Options> options_of() {
  return std::make_shared<Options>();
}

/// A command with its help: what it does, examples that work, and what it can end with beside what every command can
/// ("not found" follows from what its arguments and options take).
Command* add_command(CLI::App& parent, const std::string& name, const std::string& description, const std::string& examples,
                     std::vector<ErrorCode> may_refuse = {});

/// A group of commands: `bpg branch …`.
Command* add_group(CLI::App& parent, const std::string& name, const std::string& description);

/// --profile and --set, of what is being made.
void add_setting_options(CLI::App& command, std::string& profile, std::vector<std::string>& settings);

/// --runtime and --image, of what is being set up or made; and throws `Error{usage}` where they make no sense.
void add_runtime_options(CLI::App& command, std::string& runtime, std::string& image);
void check_runtime(const std::string& runtime, const std::string& image);

/// --timezone, of a command that takes a moment.
void add_timezone_option(CLI::App& command, std::string& timezone);

void add_init_command(CLI::App& root, CommandLine& line);
void add_database_commands(CLI::App& root, CommandLine& line);
void add_branch_commands(CLI::App& root, CommandLine& line);
void add_branch_restore_commands(CLI::App& group, CommandLine& line);
void add_restore_point_commands(CLI::App& root, CommandLine& line);
void add_wal_commands(CLI::App& root, CommandLine& line);
void add_snapshot_commands(CLI::App& root, CommandLine& line);
void add_schedule_commands(CLI::App& group, CommandLine& line);
void add_server_commands(CLI::App& root, CommandLine& line);
void add_status_commands(CLI::App& root, CommandLine& line);
void add_doctor_command(CLI::App& root, CommandLine& line);
void add_setup_command(CLI::App& root, CommandLine& line);
void add_connection_commands(CLI::App& root, CommandLine& line);
void add_cleanup_command(CLI::App& root, CommandLine& line);
void add_exec_command(CLI::App& root, CommandLine& line);
void add_help_commands(CLI::App& root, CommandLine& line);
void add_git_commands(CLI::App& root, CommandLine& line);
void add_settings_command(CLI::App& root, CommandLine& line);
void add_branch_setting_commands(CLI::App& group, CommandLine& line);
void add_database_setting_commands(CLI::App& group, CommandLine& line);
void add_config_commands(CLI::App& root, CommandLine& line);

}  // namespace bpg::cli
