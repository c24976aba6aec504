#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/setting_layers.hpp"
#include "bpg/engine/settings.hpp"
#include "bpg/util/error.hpp"

namespace bpg::cli {

namespace {

/// A line for each branch that has to be restarted for what it was given, or that ALTER SYSTEM keeps from it.
std::string what_is_left_to_do(const engine::SettingsView& view) {
  std::vector<std::string> pending;
  std::string text;
  for (const auto& setting : view.settings) {
    if (setting.pending_restart) {
      pending.push_back(setting.name);
    }
    if (setting.source == "alter_system") {
      text += fmt::format("  {}: ALTER SYSTEM set {} = {}, which stands above this\n", view.subject, setting.name, setting.value);
    }
  }
  if (!pending.empty()) {
    text += fmt::format("  bpg restart {}     for {} to take effect\n", view.subject, fmt::join(pending, ", "));
  }
  return text;
}

std::string what_is_left_to_do(const std::vector<engine::SettingsView>& views) {
  std::string text;
  for (const auto& view : views) {
    text += what_is_left_to_do(view);
  }
  return text;
}

std::string said(const engine::ChangeSettings& change) {
  std::vector<std::string> parts;
  for (const ServerSetting& setting : change.set) {
    parts.push_back(fmt::format("{} = {}", setting.name, setting.value));
  }
  parts.insert(parts.end(), change.unset.begin(), change.unset.end());
  if (change.profile) {
    parts.push_back("profile " + *change.profile);
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string subjects(const std::vector<engine::SettingsView>& views) {
  std::string text;
  for (const auto& view : views) {
    text += view.subject + "\n";
  }
  return text;
}

struct Options {
  std::string subject;
  std::string profile;
  std::vector<std::string> words;
};

void add_words(CLI::App& command, Options& options, const std::string& subject_type, const std::string& word_type) {
  command.add_option("subject", options.subject, subject_type == "DATABASE" ? "The database" : "DATABASE/BRANCH")
      ->required()
      ->type_name(subject_type);
  command.add_option("settings", options.words, "One or more")->type_name(word_type);
}

void refuse_nothing(const engine::ChangeSettings& change, const char* what) {
  if (change.set.empty() && change.unset.empty() && !change.profile) {
    throw Error(ErrorCode::usage, fmt::format("no setting was named: {}", what), "Such as work_mem=64MB.");
  }
}

}  // namespace

void add_setting_options(CLI::App& command, std::string& profile, std::vector<std::string>& settings) {
  command.add_option("--profile", profile, "A profile of the configuration: ci, dev, prod-like or one of yours")->type_name("PROFILE");
  command.add_option("--set", settings, "A setting of PostgreSQL; may be repeated")->type_name("SETTING=VALUE")->allow_extra_args(false);
}

void add_settings_command(CLI::App& root, CommandLine& line) {
  auto subject = options_of<std::string>();
  CLI::App* command = add_command(root, "settings", "Show a branch's settings of PostgreSQL, and where each comes from",
                                  "  bpg settings app/fix-login\n");
  command->add_option("subject", *subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const auto context = line.open();
      const auto view = engine::get_settings(*context, line.subject(*subject));
      line.output.result(to_json(view), view.subject, settings_table(line.output, view));
    };
  });
}

void add_branch_setting_commands(CLI::App& group, CommandLine& line) {
  auto set = options_of<Options>();
  CLI::App* command = add_command(group, "set", "Change settings of PostgreSQL for one branch",
                                  "  bpg branch set app/fix-login work_mem=64MB\n"
                                  "  bpg branch set app/fix-login --profile prod-like\n",
                                  {ErrorCode::refused});
  add_words(*command, *set, "SUBJECT", "SETTING=VALUE");
  command->add_option("--profile", set->profile, "Run with this profile of the configuration")->type_name("PROFILE");
  command->callback([&line, set] {
    line.action = [&line, set] {
      engine::ChangeSettings change{.set = engine::parse_settings(set->words)};
      if (!set->profile.empty()) {
        change.profile = set->profile;
      }
      refuse_nothing(change, "NAME=VALUE or --profile NAME");
      const auto context = line.open();
      const auto view = engine::change_branch_settings(*context, line.subject(set->subject), change);
      line.output.result(to_json(view), view.subject, fmt::format("set {} for {}\n{}", said(change), view.subject, what_is_left_to_do(view)));
    };
  });

  auto unset = options_of<Options>();
  command = add_command(group, "unset", "Take settings of one branch back: what its database or profile says applies again",
                        "  bpg branch unset app/fix-login work_mem\n");
  add_words(*command, *unset, "SUBJECT", "SETTING");
  command->callback([&line, unset] {
    line.action = [&line, unset] {
      const engine::ChangeSettings change{.unset = unset->words};
      refuse_nothing(change, "NAME");
      const auto context = line.open();
      const auto view = engine::change_branch_settings(*context, line.subject(unset->subject), change);
      line.output.result(to_json(view), view.subject, fmt::format("took {} back for {}\n{}", said(change), view.subject, what_is_left_to_do(view)));
    };
  });
}

void add_database_setting_commands(CLI::App& group, CommandLine& line) {
  auto set = options_of<Options>();
  CLI::App* command = add_command(group, "set", "Change settings of PostgreSQL for all branches of a database",
                                  "  bpg db set app timezone=Europe/Berlin log_min_duration_statement=100ms\n",
                                  {ErrorCode::refused});
  add_words(*command, *set, "DATABASE", "SETTING=VALUE");
  command->callback([&line, set] {
    line.action = [&line, set] {
      const engine::ChangeSettings change{.set = engine::parse_settings(set->words)};
      refuse_nothing(change, "NAME=VALUE");
      const auto context = line.open();
      const auto views = engine::change_database_settings(*context, set->subject, change);
      line.output.result(to_json(views), subjects(views),
                         fmt::format("set {} for database {}\n{}", said(change), set->subject, what_is_left_to_do(views)));
    };
  });

  auto unset = options_of<Options>();
  command = add_command(group, "unset", "Take settings of a database back", "  bpg db unset app timezone\n");
  add_words(*command, *unset, "DATABASE", "SETTING");
  command->callback([&line, unset] {
    line.action = [&line, unset] {
      const engine::ChangeSettings change{.unset = unset->words};
      refuse_nothing(change, "NAME");
      const auto context = line.open();
      const auto views = engine::change_database_settings(*context, unset->subject, change);
      line.output.result(to_json(views), subjects(views),
                         fmt::format("took {} back for database {}\n{}", said(change), unset->subject, what_is_left_to_do(views)));
    };
  });
}

}  // namespace bpg::cli
