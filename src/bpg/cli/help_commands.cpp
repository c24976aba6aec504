#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/completion.hpp"
#include "bpg/cli/help.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

void add_help_commands(CLI::App& root, CommandLine& line) {
  auto words = options_of<std::vector<std::string>>();
  Command* help = add_command(root, "help", "Tell about a command or a topic; alone: list them",
                              "  bpg help\n"
                              "  bpg help branch create      the same as bpg branch create --help\n"
                              "  bpg help subjects           a topic\n");
  help->opens_home = false;
  help->add_option("words", *words, "A topic, or a command with its words")->type_name("TOPIC");
  help->callback([&root, &line, words] {
    line.action = [&root, &line, words] { fmt::print("{}", help_on(page_of(root), *words, line.output.screen)); };
  });

  auto shell = options_of<std::string>();
  Command* completion = add_command(root, "completion", "Print the script that completes bpg's words in a shell",
                                    "  source <(bpg completion bash)\n"
                                    "  bpg completion zsh > ~/.zfunc/_bpg      where ~/.zfunc is in fpath\n"
                                    "  bpg completion fish | source\n");
  completion->opens_home = false;
  completion->add_option("shell", *shell, "Which shell")->required()->type_name("bash|zsh|fish");
  completion->callback([&line, shell] {
    line.action = [shell] {
      const std::vector<std::string> shells{"bash", "zsh", "fish"};
      if (std::ranges::find(shells, *shell) == shells.end()) {
        throw Error(ErrorCode::usage, fmt::format("there is no script for '{}'", *shell),
                    did_you_mean(*shell, shells, fmt::format("It is one of {}.", fmt::join(shells, ", "))));
      }
      fmt::print("{}", completion_script(*shell));
    };
  });
}

}  // namespace bpg::cli
