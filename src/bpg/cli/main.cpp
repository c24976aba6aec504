#include "bpg/cli/main.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/completion.hpp"
#include "bpg/cli/help.hpp"
#include "bpg/cli/reference.hpp"
#include "bpg/cli/usage.hpp"
#include "bpg/engine/configure.hpp"
#include "bpg/cli/version.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::cli {

namespace {

struct GlobalOptions {
  std::string output = "table";
  std::string config;
  bool no_colour = false;
};

constexpr const char* description = "instant branches for PostgreSQL";

void add_global_options(CLI::App& root, GlobalOptions& options, CommandLine& line) {
  root.add_option("-o,--output", options.output, "How results are printed")->type_name("table|json");
  root.add_flag("-q,--quiet", line.output.quiet, "Print the result alone: a name, an id");
  root.add_flag("-v,--verbose", line.output.verbosity, "Print each step with its time; twice: when it began, too");
  root.add_flag("--no-color", options.no_colour, "Print without colours (also: NO_COLOR)");
  root.add_flag("-y,--yes", line.yes, "Ask nothing");
  root.add_option("--config", options.config, "The configuration file")->type_name("FILE");
  root.set_version_flag("--version", fmt::format("bpg {}", version), "Print the version");
}

/// Standard output, as the global options want it.
Screen screen(bool colour_wanted) {
  if (!is_terminal(STDOUT_FILENO)) {
    return {};
  }
  return {.width = terminal_width(STDOUT_FILENO), .colour = colour_wanted, .terminal = true};
}

void apply(const GlobalOptions& options, CommandLine& line) {
  if (options.output != "table" && options.output != "json") {
    const std::vector<std::string> formats{"table", "json"};
    throw Error(ErrorCode::usage, fmt::format("unknown output format '{}'", options.output),
                did_you_mean(options.output, formats, "It is table or json."));
  }
  const bool colour_wanted = !options.no_colour && !std::getenv("NO_COLOR");
  line.output.json = options.output == "json";
  line.output.screen = screen(colour_wanted);
  line.output.error_colour = colour_wanted && is_terminal(STDERR_FILENO);
  if (!options.config.empty()) {
    if (!std::filesystem::exists(options.config)) {
      throw Error(ErrorCode::usage, fmt::format("there is no configuration file {}", options.config),
                  "Name one that exists with --config, or leave it out.");
    }
    line.config_file = options.config;
  }
  if (const int verbosity = line.output.verbosity; verbosity > 0) {
    trace().set_listener([verbosity](const Trace::Entry& entry) {
      const auto ms = [](std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1000; };
      if (verbosity > 1) {
        fmt::print(stderr, "{:8.1f} ", ms(entry.began));
      }
      fmt::print(stderr, "{:8.1f} ms  {}\n", ms(entry.took), entry.name);
    });
  }
}

/// libpq reads these, and they would lead bpg's own sessions elsewhere, and those of the programs that it runs.
void forget_libpq_variables() {
  for (const char* name : {"PGHOSTADDR", "PGOPTIONS", "PGPASSWORD", "PGSERVICE", "PGSSLMODE"}) {
    ::unsetenv(name);
  }
}

int fail(const Output& output, const Error& error) {
  output.error(error);
  return describe(error.code()).exit_status;
}

/// The words that only scripts and the build say: they stand beside the command tree, which is what they tell of.
bool answer_about_tree(const CLI::App& root, const std::vector<std::string>& words) {
  if (words.size() >= 2 && words[0] == "__complete" && words[1] == "--") {
    fmt::print("{}", complete(page_of(root), {words.begin() + 2, words.end()}));
    return true;
  }
  if (words.size() < 2 || words[0] != "__reference") {
    return false;
  }
  if (words[1] == "markdown") {
    fmt::print("{}", reference(page_of(root)));
  } else if (words[1] == "json") {
    fmt::print("{}", tree_as_json(page_of(root)));
  } else if (words[1] == "config") {
    fmt::print("{}", engine::config_template());
  } else if (words[1] == "man" && words.size() == 3) {
    write_manual_pages(page_of(root), words[2]);
  } else {
    return false;
  }
  return true;
}

/// Whether the command line asks for JSON, when it could not be parsed.
bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word == "-ojson" || word == "--output=json" ||
        ((word == "-o" || word == "--output") && i + 1 < argc && std::string_view(argv[i + 1]) == "json")) {
      return true;
    }
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line;
  line.output.error_colour = !std::getenv("NO_COLOR") && is_terminal(STDERR_FILENO);
  try {
    install_interrupt_handlers();
    forget_libpq_variables();
    GlobalOptions options;
    CLI::App root(description, "bpg");
    root.set_help_flag("-h,--help", "Print this help");
    root.require_subcommand(1);
    add_global_options(root, options, line);
    add_init_command(root, line);
    add_database_commands(root, line);
    add_branch_commands(root, line);
    add_snapshot_commands(root, line);
    add_restore_point_commands(root, line);
    add_wal_commands(root, line);
    add_server_commands(root, line);
    add_status_commands(root, line);
    add_doctor_command(root, line);
    add_setup_command(root, line);
    add_connection_commands(root, line);
    add_cleanup_command(root, line);
    add_exec_command(root, line);
    add_git_commands(root, line);
    add_settings_command(root, line);
    add_config_commands(root, line);
    add_help_commands(root, line);
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (answer_about_tree(root, words)) {
      return 0;
    }
    try {
      root.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      const bool colour_wanted = !std::getenv("NO_COLOR") && std::ranges::count(words, "--no-color") == 0;
      fmt::print("{}", help_page(page_of(innermost(root)), screen(colour_wanted)));
      return 0;
    } catch (const CLI::CallForVersion& version_line) {
      fmt::print("{}\n", version_line.what());
      return 0;
    } catch (const CLI::ParseError& error) {
      line.output.json = asks_for_json(argc, argv);
      throw usage_error(root, error, words);
    }
    apply(options, line);
    line.action();
    return line.exit_status;
  } catch (const Error& error) {
    return fail(line.output, line.explained(error));
  } catch (const std::exception& error) {
    return fail(line.output, Error(ErrorCode::failure, error.what()));
  }
}

}  // namespace bpg::cli
