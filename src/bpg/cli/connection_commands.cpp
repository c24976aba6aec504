#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/follow.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/engine/connection.hpp"
#include "bpg/util/error.hpp"

namespace bpg::cli {

namespace {

/// Becomes the program; returns only by throwing.
[[noreturn]] void become(const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const std::string& word : argv) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  for (const char* name : {"PGHOSTADDR", "PGSERVICE", "PGOPTIONS"}) {
    ::unsetenv(name);  // they would lead elsewhere
  }
  ::signal(SIGPIPE, SIG_DFL);
  ::execv(pointers[0], pointers.data());
  throw system_error(errno, fmt::format("cannot run {}", argv[0]));
}

void add_url(CLI::App& root, CommandLine& line) {
  auto subject = options_of<std::string>();
  CLI::App* command = add_command(root, "url", "Print a URL that works, with the password", "  psql \"$(bpg url app/fix-login)\"\n");
  command->add_option("subject", *subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const auto context = line.open();
      const Subject parsed = line.subject(*subject);
      const std::string url = engine::connection_url(*context, parsed);
      line.output.result({{"subject", parsed.str()}, {"url", url}}, url, url);
    };
  });
}

void add_connect(CLI::App& root, CommandLine& line) {
  struct Options {
    std::string subject;
    bool superuser = false;
    std::vector<std::string> arguments;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(root, "connect", "Run psql on a branch",
                                  "  bpg connect app/fix-login\n"
                                  "  bpg connect app/fix-login -- -c 'SELECT count(*) FROM users'\n"
                                  "  bpg connect app/main --superuser -- -c 'CREATE EXTENSION amcheck'\n");
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->add_flag("--superuser", options->superuser, "As PostgreSQL's superuser instead of the owner");
  command->add_option("arguments", options->arguments, "After --: psql's own arguments")->type_name("ARGUMENTS");
  command->callback([&line, options] {
    line.action = [&line, options] {
      std::vector<std::string> argv;
      {
        const auto context = line.open();
        argv = engine::psql_command(*context, line.subject(options->subject), options->superuser).argv;
      }
      argv.insert(argv.end(), options->arguments.begin(), options->arguments.end());
      line.output.end_progress();
      become(argv);
    };
  });
}

void add_logs(CLI::App& root, CommandLine& line) {
  struct Options {
    std::string subject;
    bool follow = false;
    int lines = 100;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(root, "logs", "Print the end of a server's log", "  bpg logs app/main -n 20\n  bpg logs app/main -f\n");
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->add_flag("-f,--follow", options->follow, "Go on with what comes, until Ctrl-C");
  command->add_option("-n,--lines", options->lines, "How many lines (100)")->type_name("N")->check(CLI::NonNegativeNumber);
  command->callback([&line, options] {
    line.action = [&line, options] {
      const auto context = line.open();
      const auto log = engine::server_log(*context, line.subject(options->subject));
      line.output.end_progress();
      print_last_lines(log, static_cast<size_t>(options->lines));
      if (options->follow) {
        follow(log);
      }
    };
  });
}

}  // namespace

void add_connection_commands(CLI::App& root, CommandLine& line) {
  add_url(root, line);
  add_connect(root, line);
  add_logs(root, line);
}

}  // namespace bpg::cli
