#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/branches.hpp"
#include "bpg/engine/delete_branch.hpp"
#include "bpg/engine/lifetime.hpp"
#include "bpg/engine/protection.hpp"
#include "bpg/engine/setting_layers.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

namespace {

/// The moment that lies `in` from now, or that `at` names; nothing where neither is given.
std::optional<Time> moment(const std::optional<std::string>& in, const std::optional<std::string>& at) {
  if (at) {
    const auto time = parse_rfc3339(*at);
    if (!time) {
      throw Error(ErrorCode::usage, fmt::format("'{}' is not a moment", *at), "Write it as 2026-10-07T14:30:00Z, or with an offset such as +02:00.");
    }
    return time;
  }
  if (!in) {
    return std::nullopt;
  }
  const auto time = parse_duration(*in);
  if (!time || time->count() == 0) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not a time to live", *in), "Write it as 90s, 15m, 2h, 3d or 2w.");
  }
  return system_clock().now() + *time;
}

/// --at says the moment of --from.
void add_moment(engine::CreateBranch& request, const std::string& at) {
  if (!request.from) {
    request.from = SubjectAt{{request.subject.database, std::string(main_branch)}, at};
  } else if (request.from->moment.empty()) {
    request.from->moment = at;
  } else {
    throw Error(ErrorCode::usage, fmt::format("--from says a moment, '{}', and --at another", request.from->moment), "Leave one out.");
  }
}

void add_create(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    std::string from;
    bool fast = false;
    bool no_start = false;
    bool no_archive = false;
    std::string at;
    std::string timezone;
    std::optional<std::string> ttl;
    std::optional<std::string> expires_at;
    std::string profile;
    std::vector<std::string> settings;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "create", "Make a branch: a full, writable copy of another, with its own server",
                                  "  bpg branch create app/fix-login                          from app/main\n"
                                  "  bpg branch create app/try --from app/fix-login           from another branch\n"
                                  "  bpg branch create app/old --from app/main@before-v2      from a snapshot\n"
                                  "  bpg branch create app/look --at \"10 minutes ago\"        as app/main was then\n"
                                  "  bpg branch create app/review --ttl 3d                    'bpg cleanup --expired' takes it then\n"
                                  "  bpg branch create app/test --profile ci                  as a profile says\n"
                                  "  bpg branch create app/big --set work_mem=256MB           with a setting of its own\n",
                                  {ErrorCode::already_exists, ErrorCode::refused});
  command->add_option("subject", options->subject, "The new branch")->required()->type_name("DATABASE/NAME");
  command->add_option("--from", options->from, "The branch it is cut from (main); with '@', at a moment")->type_name("SUBJECT[@MOMENT]");
  command->add_option("--at,--pitr", options->at, "The moment at which it is cut: a time, a snapshot, ... ('bpg help moments')")->type_name("MOMENT");
  add_timezone_option(*command, options->timezone);
  command->add_flag("--fast", options->fast, "No checkpoint on the source: crash-consistent; atomic storage only");
  command->add_flag("--no-start", options->no_start, "Do not start its server");
  command->add_flag("--no-archive", options->no_archive, "Do not archive its WAL: no moment of it can be restored. So it is with --ttl");
  CLI::Option* ttl = command->add_option("--ttl", options->ttl, "It expires after this time, such as 2h or 3d")->type_name("TIME");
  command->add_option("--expires-at", options->expires_at, "It expires then (RFC 3339)")->type_name("MOMENT")->excludes(ttl);
  add_setting_options(*command, options->profile, options->settings);
  command->callback([&line, options] {
    line.action = [&line, options] {
      engine::CreateBranch request{.subject = line.subject(options->subject), .fast = options->fast, .start = !options->no_start, .archive = !options->no_archive};
      request.expires_at = moment(options->ttl, options->expires_at);
      request.profile = options->profile;
      request.settings = engine::parse_settings(options->settings);
      if (!options->from.empty()) {
        request.from = line.subject_at(options->from);
      }
      if (!options->at.empty()) {
        add_moment(request, options->at);
      }
      const auto context = line.open_at(options->timezone);
      const auto branch = engine::create_branch(*context, request);
      const std::string from = request.from ? request.from->str() : branch.database + "/" + branch.parent.value_or("");
      line.output.result(to_json(branch), branch.subject(),
                         fmt::format("created {} from {} {}\n{}{}", branch.subject(), from, in_time(), restored_lines(branch), durability_note(branch)) +
                             next_commands({request.start ? NextCommand{"bpg connect " + branch.subject(), "psql on it"}
                                                          : NextCommand{"bpg start " + branch.subject(), "starts its server"}}));
    };
  });
}

void add_list(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string database;
    bool sizes = false;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "list", "List branches as a tree", "  bpg branch list app\n  bpg branch list --sizes\n");
  command->add_option("database", options->database, "Only this database's")->type_name("DATABASE");
  command->add_flag("--sizes", options->sizes, "Measure sizes also where that takes a while");
  command->callback([&line, options] {
    line.action = [&line, options] {
      const auto context = line.open();
      const auto branches = engine::list_branches(*context, options->database.empty() ? std::nullopt : std::optional(options->database),
                                                  options->sizes ? engine::Measure::yes : engine::Measure::if_cheap);
      line.output.result(to_json(branches), names(branches), branch_tree(line.output, branches));
    };
  });
}

void add_get(CLI::App& group, CommandLine& line) {
  auto subject = options_of<std::string>();
  CLI::App* command = add_command(group, "get", "Show one branch, with its sizes measured", "  bpg branch get app/fix-login -o json\n");
  command->add_option("subject", *subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const auto context = line.open();
      const auto branch = engine::get_branch(*context, line.subject(*subject), engine::Measure::yes);
      line.output.result(to_json(branch), branch.subject(), branch_details(line.output, branch));
    };
  });
}

void add_rename(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    std::string name;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "rename", "Give a branch another name; its server and connections go on",
                                  "  bpg branch rename app/fix-login fix-session\n", {ErrorCode::already_exists, ErrorCode::refused});
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->add_option("name", options->name, "Its new name")->required()->type_name("NAME");
  command->callback([&line, options] {
    line.action = [&line, options] {
      const Subject subject = line.subject(options->subject);
      // "app/new" says the same as "new".
      const std::string prefix = subject.database + "/";
      const std::string name = options->name.starts_with(prefix) ? options->name.substr(prefix.size()) : options->name;
      const auto context = line.open();
      const auto branch = engine::rename_branch(*context, subject, name);
      line.output.result(to_json(branch), branch.subject(), fmt::format("renamed {} to {}\n", subject.str(), branch.subject()));
    };
  });
}

void add_delete(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    bool cascade = false;
    bool reparent = false;
    bool now = false;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "delete", "Delete a branch; its volume is kept for the retention window",
                                  "  bpg branch delete app/fix-login\n"
                                  "  bpg branch delete app/feature --cascade      with all that come from it\n"
                                  "  bpg branch undelete app/fix-login            bring it back\n",
                                  {ErrorCode::refused});
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  CLI::Option* cascade = command->add_flag("--cascade", options->cascade, "Delete its children, too");
  command->add_flag("--reparent", options->reparent, "Hang its children on its parent")->excludes(cascade);
  command->add_flag("--now", options->now, "Free its space at once: cannot be undone");
  command->callback([&line, options] {
    line.action = [&line, options] {
      engine::DeleteBranch request{.subject = line.subject(options->subject), .now = options->now};
      request.children = options->cascade    ? engine::Children::cascade
                         : options->reparent ? engine::Children::reparent
                                             : engine::Children::refuse;
      if (request.now) {
        line.confirm_irreversible(fmt::format("Delete {} for good?", request.subject.str()));
      }
      const auto context = line.open();
      const auto deleted = engine::delete_branch(*context, request);
      std::string text;
      for (const auto& branch : deleted) {
        text += request.now ? fmt::format("deleted {} and freed its volume\n", branch.subject())
                            : fmt::format("deleted {}; its volume is kept\n", branch.subject());
      }
      if (!request.now) {
        text += next_commands({{"bpg branch undelete " + request.subject.str(), "brings it back"}, {"bpg cleanup --now", "frees the space"}});
      }
      line.output.result(to_json(deleted), names(deleted), text);
    };
  });
}

void add_undelete(CLI::App& group, CommandLine& line) {
  auto subject = options_of<std::string>();
  CLI::App* command = add_command(group, "undelete", "Bring a deleted branch back", "  bpg branch undelete app/fix-login\n",
                                  {ErrorCode::already_exists});
  command->add_option("subject", *subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const auto context = line.open();
      const auto branch = engine::undelete_branch(*context, line.subject(*subject));
      line.output.result(to_json(branch), branch.subject(), fmt::format("{} is back, {}\n", branch.subject(), branch.status));
    };
  });
}

void add_reset(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    engine::ResetBranch request;
    std::string timezone;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "reset", "Take a branch to its parent's present state, or to another moment; its URL stays",
                                  "  bpg branch reset app/fix-login                       to app/main as it is now\n"
                                  "  bpg branch reset app/main --to before-v2             to a snapshot\n"
                                  "  bpg branch reset app/fix-login --to \"1 hour ago\"     to app/main as it was then\n"
                                  "  bpg branch undo app/fix-login                        and back\n",
                                  {ErrorCode::refused});
  command->alias("sync");
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->add_option("--to", options->request.to, "A snapshot of the branch or of its parent; else a moment of its parent")->type_name("LABEL");
  add_timezone_option(*command, options->timezone);
  command->add_flag("--fast", options->request.fast, "No checkpoint on the parent: crash-consistent; atomic storage only");
  command->add_flag("--now", options->request.now, "Free the old volume at once: cannot be undone");
  command->callback([&line, options] {
    line.action = [&line, options] {
      options->request.subject = line.subject(options->subject);
      if (options->request.now) {
        line.confirm_irreversible(fmt::format("Throw the present state of {} away for good?", options->request.subject.str()));
      }
      const auto context = line.open_at(options->timezone);
      const auto branch = engine::reset_branch(*context, options->request);
      const std::string target = options->request.to.empty() ? branch.database + "/" + branch.parent.value_or("") : options->request.to;
      line.output.result(to_json(branch), branch.subject(),
                         fmt::format("reset {} to {} {}\n{}{}", branch.subject(), target, in_time(), restored_lines(branch),
                                     about_old_volume(branch, options->request.now)));
    };
  });
}

void add_undo(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    std::string to;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "undo", "Go back to what the branch held before its last reset; again: and forth",
                                  "  bpg branch undo app/fix-login\n"
                                  "  bpg branch undo app/fix-login --to vol_…     further back: 'bpg info' lists what is kept\n",
                                  {ErrorCode::refused});
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->add_option("--to", options->to, "A kept volume of the branch")->type_name("VOLUME");
  command->callback([&line, options] {
    line.action = [&line, options] {
      const auto context = line.open();
      const auto branch = engine::undo_reset(*context, {line.subject(options->subject), options->to});
      line.output.result(to_json(branch), branch.subject(),
                         fmt::format("{} is back on {} {}\n", branch.subject(), branch.volume.id.str(), in_time()) +
                             next_commands({{"bpg branch undo " + branch.subject(), "undoes this"}}));
    };
  });
}

void add_expire(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string subject;
    std::optional<std::string> in;
    std::optional<std::string> at;
    bool never = false;
  };
  auto options = options_of<Options>();
  CLI::App* command = add_command(group, "expire", "Say when 'bpg cleanup --expired' may delete a branch",
                                  "  bpg branch expire app/review --in 2d\n"
                                  "  bpg branch expire app/review --at 2026-12-24T18:00:00+01:00\n"
                                  "  bpg branch expire app/review --never\n",
                                  {ErrorCode::refused});
  command->add_option("subject", options->subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  CLI::Option* in = command->add_option("--in", options->in, "After this time from now, such as 2h or 3d")->type_name("TIME");
  CLI::Option* at = command->add_option("--at", options->at, "At this moment (RFC 3339)")->type_name("MOMENT")->excludes(in);
  command->add_flag("--never", options->never, "It does not expire")->excludes(in)->excludes(at);
  command->callback([&line, options] {
    line.action = [&line, options] {
      if (!options->in && !options->at && !options->never) {
        throw Error(ErrorCode::usage, "say when it expires", "With --in, --at or --never.");
      }
      const engine::ExpireBranch request{line.subject(options->subject), moment(options->in, options->at)};
      const auto context = line.open();
      const auto branch = engine::expire_branch(*context, request);
      line.output.result(to_json(branch), branch.subject(),
                         branch.expires_at ? fmt::format("{} expires at {}\n", branch.subject(), to_rfc3339(*branch.expires_at))
                                           : fmt::format("{} does not expire\n", branch.subject()));
    };
  });
}

void add_protect(CLI::App& group, CommandLine& line) {
  auto subject = options_of<std::string>();
  Command* command = add_command(group, "protect", "Keep a branch from reset, undo, deletion and expiry",
                                 "  bpg branch protect app/main\n");
  command->details = "Branches cut from it begin with the passwords of all its roles removed; the owner gets a new one, as always.";
  command->add_option("subject", *subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const auto context = line.open();
      const auto branch = engine::protect_branch(*context, line.subject(*subject));
      line.output.result(to_json(branch), branch.subject(), fmt::format("{} is protected\n", branch.subject()));
    };
  });
}

void add_unprotect(CLI::App& group, CommandLine& line) {
  auto subject = options_of<std::string>();
  CLI::App* command = add_command(group, "unprotect", "Let a protected branch be reset and deleted again", "  bpg branch unprotect app/main\n");
  command->add_option("subject", *subject, "DATABASE/BRANCH")->required()->type_name("SUBJECT");
  command->callback([&line, subject] {
    line.action = [&line, subject] {
      const auto context = line.open();
      const auto branch = engine::unprotect_branch(*context, line.subject(*subject));
      line.output.result(to_json(branch), branch.subject(), fmt::format("{} is no longer protected\n", branch.subject()));
    };
  });
}

}  // namespace

void add_branch_commands(CLI::App& root, CommandLine& line) {
  CLI::App* group = add_group(root, "branch", "Make, list, reset and delete branches");
  add_create(*group, line);
  add_list(*group, line);
  add_get(*group, line);
  add_reset(*group, line);
  add_branch_restore_commands(*group, line);
  add_undo(*group, line);
  add_rename(*group, line);
  add_delete(*group, line);
  add_undelete(*group, line);
  add_expire(*group, line);
  add_protect(*group, line);
  add_unprotect(*group, line);
  add_branch_setting_commands(*group, line);
}

}  // namespace bpg::cli
