#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/engine/connection.hpp"
#include "bpg/engine/exec.hpp"
#include "bpg/postgres/connection_string.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/foreground.hpp"
#include "bpg/util/shell.hpp"
#include "bpg/util/text.hpp"

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

struct Named {
  Subject subject;
  postgres::Endpoint endpoint;
};

Named named(CommandLine& line, const std::optional<std::string>& text) {
  const Subject subject = line.subject_or_followed(text);
  const auto context = line.open();
  return {subject, engine::connection(*context, subject)};
}

std::string variable_lines(const postgres::Endpoint& endpoint) {
  std::string text;
  for (const auto& [name, value] : postgres::environment(endpoint)) {
    text += fmt::format("{}={}\n", name, value);
  }
  return text;
}

void add_url(CLI::App& root, CommandLine& line) {
  struct Options {
    std::optional<std::string> subject;
    std::string format = "url";
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(root, "url", "Print a URL that works, with the password",
                                  "  psql \"$(bpg url app/fix-login)\"\n"
                                  "  bpg url app/fix-login --format jdbc\n"
                                  "  bpg url app/fix-login --format env > .env\n");
  command->add_option("subject", options->subject, subject_or_followed_help)->type_name("SUBJECT");
  command->add_option("--format", options->format, "url, dsn (libpq's keyword=value), env (PGHOST=… lines), jdbc or json")->type_name("FORMAT");
  command->callback([&line, options] {
    line.action = [&line, options] {
      using Form = std::function<std::string(const postgres::Endpoint&)>;
      const std::map<std::string, Form> forms{
          {"url", postgres::url}, {"dsn", postgres::dsn}, {"env", variable_lines}, {"jdbc", postgres::jdbc_url}, {"json", {}}};
      const auto form = forms.find(options->format);
      if (form == forms.end()) {
        std::vector<std::string> names;
        for (const auto& [name, ignored] : forms) {
          names.push_back(name);
        }
        throw Error(ErrorCode::usage, fmt::format("unknown format '{}'", options->format),
                    did_you_mean(options->format, names, fmt::format("It is one of {}.", fmt::join(names, ", "))));
      }
      line.output.json = line.output.json || !form->second;
      const Named branch = named(line, options->subject);
      const std::string text = form->second ? form->second(branch.endpoint) : "";
      line.output.result(to_json(branch.subject, branch.endpoint), text, text);
    };
  });
}

void add_env(CLI::App& root, CommandLine& line) {
  struct Options {
    std::optional<std::string> subject;
    std::string shell = "sh";
    bool unset = false;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(root, "env", "Print what makes a shell's programs connect to a branch: PGHOST, …, DATABASE_URL",
                                  "  eval \"$(bpg env app/fix-login)\"\n"
                                  "  bpg env app/fix-login --shell fish | source\n"
                                  "  eval \"$(bpg env --unset)\"\n");
  CLI::Option* subject = command->add_option("subject", options->subject, subject_or_followed_help)->type_name("SUBJECT");
  command->add_option("--shell", options->shell, "sh (also bash, zsh), fish or csh")->type_name("SHELL");
  command->add_flag("--unset", options->unset, "Print what takes the variables back")->excludes(subject);
  command->callback([&line, options] {
    line.action = [&line, options] {
      const auto shell = parse_shell(options->shell);
      if (!shell) {
        const std::vector<std::string> names{"sh", "bash", "zsh", "fish", "csh", "tcsh"};
        throw Error(ErrorCode::usage, fmt::format("unknown shell '{}'", options->shell),
                    did_you_mean(options->shell, names, "It is sh (also for bash and zsh), fish or csh."));
      }
      if (options->unset) {
        std::string text;
        Json names = Json::array();
        for (const auto& [name, ignored] : postgres::environment({})) {
          text += unset_command(name, *shell) + "\n";
          names.push_back(name);
        }
        line.output.result(names, text, text);
        return;
      }
      const Named branch = named(line, options->subject);
      std::string text;
      for (const auto& [name, value] : postgres::environment(branch.endpoint)) {
        text += export_command(name, value, *shell) + "\n";
      }
      line.output.result(to_json(branch.subject, branch.endpoint), text, text);
    };
  });
}

/// psql on a branch of its own, at a moment of another: it goes when psql ends. psql's exit status.
int connect_at(CommandLine& line, const SubjectAt& at, bool superuser, const std::vector<std::string>& arguments) {
  const auto context = line.open();
  const auto result = engine::exec(*context, {.source = at}, [&](const engine::ExecEnvironment&, const Subject& branch) {
    engine::PsqlCommand psql = engine::psql_command(*context, branch, superuser);
    psql.argv.insert(psql.argv.end(), arguments.begin(), arguments.end());
    line.output.note(psql.note);
    line.output.end_progress();
    return run_in_foreground({.argv = psql.argv});
  });
  if (!result.left_behind.empty()) {
    line.output.note(fmt::format("the branch was left behind, for the next command to remove: {}", result.left_behind));
  }
  return result.exit_status;
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
                                  "  bpg connect app/main@before-v2                       as it was: changes are thrown away\n"
                                  "  bpg connect app/main --superuser -- -c 'CREATE EXTENSION amcheck'\n");
  command->add_option("subject", options->subject, "DATABASE/BRANCH; with '@', at a moment, on a branch that goes when psql ends")
      ->required()
      ->type_name("SUBJECT[@MOMENT]");
  command->add_flag("--superuser", options->superuser, "As PostgreSQL's superuser instead of the owner");
  command->add_option("arguments", options->arguments, "After --: psql's own arguments")->type_name("ARGUMENTS");
  command->callback([&line, options] {
    line.action = [&line, options] {
      if (const SubjectAt at = line.subject_at(options->subject); !at.moment.empty()) {
        line.exit_status = connect_at(line, at, options->superuser, options->arguments);
        return;
      }
      engine::PsqlCommand psql;
      {
        const auto context = line.open();
        psql = engine::psql_command(*context, line.subject(options->subject), options->superuser);
      }
      psql.argv.insert(psql.argv.end(), options->arguments.begin(), options->arguments.end());
      line.output.note(psql.note);
      line.output.end_progress();
      become(psql.argv);
    };
  });
}

void add_logs(CLI::App& root, CommandLine& line) {
  struct Options {
    std::optional<std::string> subject;
    bool follow = false;
    int lines = 100;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(root, "logs", "Print the end of a server's log", "  bpg logs app/main -n 20\n  bpg logs app/main -f\n");
  command->add_option("subject", options->subject, subject_or_followed_help)->type_name("SUBJECT");
  command->add_flag("-f,--follow", options->follow, "Go on with what comes, until Ctrl-C");
  command->add_option("-n,--lines", options->lines, "How many lines (100)")->type_name("N")->check(CLI::NonNegativeNumber);
  command->callback([&line, options] {
    line.action = [&line, options] {
      const Subject subject = line.subject_or_followed(options->subject);
      const auto context = line.open();
      line.output.end_progress();
      engine::read_log(*context, subject,
                       {.last_lines = static_cast<size_t>(options->lines), .follow = options->follow, .write = [](std::string_view text) {
                          write_all(STDOUT_FILENO, text, "standard output");
                        }});
    };
  });
}

}  // namespace

void add_connection_commands(CLI::App& root, CommandLine& line) {
  add_url(root, line);
  add_env(root, line);
  add_connect(root, line);
  add_logs(root, line);
}

}  // namespace bpg::cli
