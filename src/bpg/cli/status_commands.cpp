#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/status.hpp"

namespace bpg::cli {

void add_status_commands(CLI::App& root, CommandLine& line) {
  auto sizes = options_of<bool>();
  CLI::App* status = add_command(root, "status", "Show storage, databases and branches", "  bpg status\n  bpg status --sizes\n");
  status->add_flag("--sizes", *sizes, "Measure sizes also where that takes a while");
  status->callback([&line, sizes] {
    line.action = [&line, sizes] {
      const auto context = line.open();
      const auto result = engine::status(*context, *sizes ? engine::Measure::yes : engine::Measure::if_cheap);
      line.output.result(to_json(result), names(result.branches), status_page(line.output, result));
    };
  });

  auto subject = options_of<std::optional<std::string>>();
  CLI::App* info = add_command(root, "info", "Show everything about a branch", "  bpg info app/fix-login\n");
  info->add_option("subject", *subject, subject_or_followed_help)->type_name("SUBJECT");
  info->callback([&line, subject] {
    line.action = [&line, subject] {
      const Subject named = line.subject_or_followed(*subject);
      const auto context = line.open();
      const auto result = engine::info(*context, named);
      line.output.result(to_json(result), result.branch.subject(), info_page(line.output, result));
    };
  });
}

}  // namespace bpg::cli
