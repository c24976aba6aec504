#include <unistd.h>

#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/create_database.hpp"
#include "bpg/engine/databases.hpp"
#include "bpg/engine/setting_layers.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/terminal.hpp"

namespace bpg::cli {

namespace {

void add_create(CLI::App& group, CommandLine& line) {
  struct Options {
    engine::CreateDatabase request;
    int pg_version = 0;
    std::string wal_segment_size;
    std::vector<std::string> extensions;
    std::optional<std::string> from;
    std::vector<std::string> settings;
    bool no_archive = false;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "create", "Make a database, with its branch main, running",
                                  "  bpg db create app\n"
                                  "  bpg db create app --pg-version 15\n"
                                  "  bpg db create app --wal-segment-size 64MB             for much that is written at a time\n"
                                  "  bpg db create app --image pgvector/pgvector:pg16       its servers run in containers\n"
                                  "  bpg db create app --extension citext --extension pg_trgm\n"
                                  "  bpg db create audit --template app/main@before-v2     cut from another database\n"
                                  "  bpg db create app --from-dump app.sql.gz              SQL, or pg_dump's other formats\n"
                                  "  pg_dump -Fc \"$OLD_URL\" | bpg db create app --from-dump -\n"
                                  "  bpg db create app --profile prod-like --set timezone=UTC\n",
                                  {ErrorCode::already_exists, ErrorCode::refused});
  command->add_option("name", options->request.name, "Its name")->required()->type_name("NAME");
  CLI::Option* version = command->add_option("--pg-version", options->pg_version, "PostgreSQL's major version (the newest installed)")->type_name("N");
  CLI::Option* segment_size = command->add_option("--wal-segment-size", options->wal_segment_size,
                                                  "How large the files of its WAL are, for ever: a power of two, 1MB to 1GB (16MB)")
                                  ->type_name("SIZE");
  command->add_option("--extension", options->extensions, "Create this extension in it; may be given more than once")
      ->type_name("NAME[=VERSION]")
      ->allow_extra_args(false);
  CLI::Option* from = command->add_option("--template", options->from, "Cut it from a branch of any database; with '@', at a moment")->type_name("SUBJECT[@MOMENT]");
  command->add_option("--from-dump", options->request.dump, "Load this dump: SQL or pg_dump's custom, directory or tar; gzip, zstd, xz; -: standard input")
      ->type_name("FILE")
      ->excludes(from);
  command->add_flag("--no-archive", options->no_archive, "Do not archive the WAL of its main: no moment of it can be restored");
  add_runtime_options(*command, options->request.host.runtime, options->request.host.image);
  add_setting_options(*command, options->request.profile, options->settings);
  command->callback([&line, options, version, segment_size] {
    line.action = [&line, options, version, segment_size] {
      for (const std::string& extension : options->extensions) {
        options->request.extensions.push_back(postgres::Extension::parse(extension));
      }
      check_runtime(options->request.host.runtime, options->request.host.image);
      if (options->from) {
        options->request.from = line.subject_at(*options->from);
      }
      if (options->request.dump == "-" && is_terminal(STDIN_FILENO)) {
        throw Error(ErrorCode::usage, "standard input is a terminal, not a dump", "Pipe it in: 'pg_dump … | bpg db create NAME --from-dump -'.");
      }
      options->request.settings = engine::parse_settings(options->settings);
      options->request.archive = !options->no_archive;
      if (version->count() > 0) {
        options->request.host.pg_major = options->pg_version;
      }
      if (segment_size->count() > 0) {
        options->request.wal_segment_size = postgres::parse_wal_segment_size(options->wal_segment_size);
      }
      const auto context = line.open();
      const auto branch = engine::create_database(*context, options->request);
      line.output.result(to_json(branch), branch.subject(),
                         fmt::format("created database {} with its branch {} {}\n{}{}", branch.database, branch.subject(), in_time(),
                                     restored_lines(branch), durability_note(branch)) +
                             next_commands({{"bpg connect " + branch.database, "psql on it"}, {"bpg url " + branch.database, "its URL"}}));
    };
  });
}

void add_list(CLI::App& group, CommandLine& line) {
  CLI::App* command = add_command(group, "list", "List the databases", "  bpg db list\n  bpg db list --quiet      their names alone\n");
  command->callback([&line] {
    line.action = [&line] {
      const auto context = line.open();
      const auto databases = engine::list_databases(*context);
      line.output.result(to_json(databases), names(databases), database_table(line.output, databases));
    };
  });
}

void add_get(CLI::App& group, CommandLine& line) {
  auto name = options_of<std::string>();
  CLI::App* command = add_command(group, "get", "Show one database", "  bpg db get app -o json\n");
  command->add_option("name", *name, "The database")->required()->type_name("DATABASE");
  command->callback([&line, name] {
    line.action = [&line, name] {
      const auto context = line.open();
      const auto database = engine::get_database(*context, *name);
      line.output.result(to_json(database), database.name, database_table(line.output, {database}));
    };
  });
}

void add_rename(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string from;
    std::string to;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "rename", "Give a database another name; servers and connections go on",
                                  "  bpg db rename app shop\n", {ErrorCode::already_exists});
  command->add_option("old", options->from, "The database")->required()->type_name("DATABASE");
  command->add_option("new", options->to, "Its new name")->required()->type_name("NAME");
  command->callback([&line, options] {
    line.action = [&line, options] {
      const auto context = line.open();
      const auto database = engine::rename_database(*context, options->from, options->to);
      line.output.result(to_json(database), database.name,
                         fmt::format("renamed database {} to {}; inside the cluster it is still '{}'\n", options->from,
                                     database.name, database.pg_database));
    };
  });
}

void add_delete(CLI::App& group, CommandLine& line) {
  auto request = options_of<engine::DeleteDatabase>();
  CLI::App* command = add_command(group, "delete", "Delete a database with its branches",
                                  "  bpg db delete app              kept for the retention window\n"
                                  "  bpg db delete app --force      also if it has branches besides main\n"
                                  "  bpg db undelete app            bring it back\n",
                                  {ErrorCode::has_children, ErrorCode::refused});
  command->add_option("name", request->name, "The database")->required()->type_name("DATABASE");
  command->add_flag("--force", request->force, "Also where it has branches besides main");
  command->add_flag("--now", request->now, "Free its space at once: cannot be undone");
  command->callback([&line, request] {
    line.action = [&line, request] {
      if (request->now) {
        line.confirm_irreversible(fmt::format("Delete database {} for good?", request->name));
      }
      const auto context = line.open();
      const auto database = engine::delete_database(*context, *request);
      std::string text = fmt::format("deleted database {}{}\n", database.name, request->now ? " and freed its volumes" : "; its volumes are kept");
      if (!request->now) {
        text += next_commands({{"bpg db undelete " + database.name, "brings it back"}, {"bpg cleanup --now", "frees the space"}});
      }
      line.output.result(to_json(database), database.name, text);
    };
  });
}

void add_undelete(CLI::App& group, CommandLine& line) {
  auto name = options_of<std::string>();
  CLI::App* command = add_command(group, "undelete", "Bring a deleted database back, with its branches",
                                  "  bpg db undelete app\n", {ErrorCode::already_exists});
  command->add_option("name", *name, "The database")->required()->type_name("DATABASE");
  command->callback([&line, name] {
    line.action = [&line, name] {
      const auto context = line.open();
      const auto database = engine::undelete_database(*context, *name);
      line.output.result(to_json(database), database.name,
                         fmt::format("database {} is back with {} {}\n", database.name, database.branches,
                                     database.branches == 1 ? "branch" : "branches"));
    };
  });
}

}  // namespace

void add_database_commands(CLI::App& root, CommandLine& line) {
  CLI::App* group = add_group(root, "db", "Make, list, rename and delete databases");
  add_create(*group, line);
  add_list(*group, line);
  add_get(*group, line);
  add_rename(*group, line);
  add_delete(*group, line);
  add_undelete(*group, line);
  add_database_setting_commands(*group, line);
}

}  // namespace bpg::cli
