#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bpg/cli/command_line.hpp"
#include "bpg/engine/doctor.hpp"
#include "bpg/util/table.hpp"

namespace bpg::cli {

namespace {

using Verdict = Check::Verdict;

nlohmann::ordered_json to_json(const std::vector<Check>& checks) {
  auto array = nlohmann::ordered_json::array();
  for (const Check& check : checks) {
    array.push_back({{"name", check.name},
                     {"verdict", to_string(check.verdict)},
                     {"found", check.found},
                     {"mend", check.mend.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(check.mend)}});
  }
  return array;
}

Colour colour_of(Verdict verdict) {
  return verdict == Verdict::ok ? Colour::green : verdict == Verdict::warning ? Colour::yellow : Colour::red;
}

std::string table_of(const Output& output, const std::vector<Check>& checks) {
  Table table({{.title = "CHECK"}, {.title = ""}, {.title = "FOUND", .yields = 1, .shrink_to = 30}});
  for (const Check& check : checks) {
    table.add({check.name, {to_string(check.verdict), colour_of(check.verdict)}, check.found});
  }
  return table.str(output.screen);
}

/// In full, since they are to be typed.
std::string remedies(const std::vector<Check>& checks) {
  std::string text;
  for (const Verdict verdict : {Verdict::missing, Verdict::warning}) {
    for (const Check& check : checks) {
      if (check.verdict == verdict) {
        text += fmt::format("\n{}: {}\n", check.name, check.found);
        text += check.mend.empty() ? "" : fmt::format("  {}\n", check.mend);
      }
    }
  }
  return text.empty() ? "\nNothing is missing.\n" : text;
}

/// The names of what is not in order: what --quiet prints.
std::string names_of(const std::vector<Check>& checks) {
  std::string lines;
  for (const Check& check : checks) {
    lines += check.verdict == Verdict::ok ? "" : check.name + "\n";
  }
  return lines;
}

}  // namespace

void add_doctor_command(CLI::App& root, CommandLine& line) {
  CLI::App* command = add_command(root, "doctor", "Examine what this machine has and what is missing; changes nothing",
                                  "  bpg doctor\n"
                                  "  bpg doctor --quiet    only the names of what is not in order\n",
                                  {ErrorCode::environment});
  command->callback([&line] {
    line.action = [&line] {
      const auto checks = engine::examine(line.config_file);
      line.output.result(to_json(checks), names_of(checks), table_of(line.output, checks) + remedies(checks));
      if (std::ranges::any_of(checks, [](const Check& check) { return check.verdict == Verdict::missing; })) {
        line.exit_status = describe(ErrorCode::environment).exit_status;
      }
    };
  });
}

}  // namespace bpg::cli
