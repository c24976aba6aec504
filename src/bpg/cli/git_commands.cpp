#include <filesystem>

#include <fmt/format.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/cli/json.hpp"
#include "bpg/cli/text.hpp"
#include "bpg/engine/branches.hpp"
#include "bpg/engine/connection.hpp"
#include "bpg/engine/ensure_branch.hpp"
#include "bpg/engine/snapshots.hpp"
#include "bpg/postgres/connection_string.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/shell.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/workspace/branch_name.hpp"
#include "bpg/workspace/git.hpp"
#include "bpg/workspace/hook.hpp"
#include "bpg/workspace/install.hpp"
#include "bpg/workspace/pin.hpp"

namespace bpg::cli {

namespace {

namespace fs = std::filesystem;

/// Where we are in git, and the database branch that follows.
struct Place {
  workspace::WorkTree tree;
  workspace::Pin pin;
  std::optional<std::string> git_branch;  ///< nothing while HEAD is detached

  Subject followed() const { return {pin.database, workspace::branch_name_of(git_branch.value_or(""))}; }

  /// What it is made from: the parent of the pin; the parent itself, where it is missing, from main.
  SubjectAt source() const {
    const Subject subject = followed();
    return pin.parent == SubjectAt{subject, {}} ? SubjectAt{{pin.database, std::string(main_branch)}, {}} : pin.parent;
  }
};

/// Nothing where no database is pinned.
std::optional<Place> find_place() {
  auto tree = workspace::open_work_tree();
  auto found = workspace::find_pin();
  if (!found.pin) {
    return std::nullopt;
  }
  auto branch = workspace::current_git_branch(tree);
  return Place{std::move(tree), std::move(*found.pin), std::move(branch)};
}

Place require_place() {
  if (auto place = find_place()) {
    return *place;
  }
  throw Error(ErrorCode::not_found, fmt::format("no {} pins a database here", workspace::pin_name),
              "'bpg git install --database NAME' writes one.");
}

std::string describe(const Place& place, const engine::EnsuredBranch& ensured) {
  using Outcome = engine::EnsuredBranch::Outcome;
  const std::string subject = ensured.branch.subject();
  switch (ensured.outcome) {
    case Outcome::made:
      return fmt::format("made {} from {} {}", subject, place.source().str(), in_time());
    case Outcome::started:
      return fmt::format("started {}", subject);
    case Outcome::was_running:
      break;
  }
  return fmt::format("{} is running", subject);
}

engine::EnsuredBranch ensure(CommandLine& line, const Place& place) {
  const auto context = line.open();
  return engine::ensure_branch(*context, {place.followed(), place.source()});
}

void sync(CommandLine& line) {
  const Place place = require_place();
  if (!place.git_branch) {
    throw Error(ErrorCode::refused, "no git branch is checked out that a database branch could follow",
                "Check one out: 'git switch BRANCH'.");
  }
  const auto ensured = ensure(line, place);
  line.output.result(to_json(ensured.branch), ensured.branch.subject(), describe(place, ensured));
}

/// What the hook runs. A checkout has been done by then, and must not seem to have failed: errors are only told.
void follow_checkout(CommandLine& line) {
  try {
    const auto place = find_place();
    if (place && place->git_branch) {
      line.output.note(fmt::format("bpg: {}", describe(*place, ensure(line, *place))));
    }
  } catch (const Error& error) {
    line.output.error(error.with_context("the database branch does not follow"));
  }
}

struct State {
  Place place;
  std::optional<engine::BranchView> branch;  ///< nothing where it has not been made, or no git branch is checked out
  std::string url;                           ///< without the password
  bool installed = false;
};

State look(engine::Context& context, Place place) {
  State state{.place = std::move(place), .branch = {}, .url = {}};
  state.installed = workspace::Hook::in(state.place.tree.hooks).is_ours();
  if (!state.place.git_branch) {
    return state;
  }
  engine::find_database(context, state.place.pin.database);
  try {
    auto endpoint = engine::connection(context, state.place.followed());
    endpoint.password.clear();
    state.url = postgres::url(endpoint);
    state.branch = engine::get_branch(context, state.place.followed(), engine::Measure::no);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) {
      throw;
    }
  }
  return state;
}

Json to_json(const State& state) {
  const Place& place = state.place;
  const auto if_followed = [&](const std::string& text) { return place.git_branch ? Json(text) : Json(nullptr); };
  return {{"work_tree", place.tree.top.string()},
          {"pin", place.pin.file.string()},
          {"database", place.pin.database},
          {"parent", place.pin.parent.str()},
          {"git_branch", if_followed(place.git_branch.value_or(""))},
          {"subject", if_followed(place.followed().str())},
          {"status", state.branch ? Json(state.branch->status) : Json(nullptr)},
          {"url", state.branch ? Json(state.url) : Json(nullptr)},
          {"hook", workspace::Hook::in(place.tree.hooks).file.string()},
          {"installed", state.installed}};
}

std::string page(const State& state) {
  const Place& place = state.place;
  std::string text;
  const auto add = [&text](std::string_view name, const std::string& value) { text += fmt::format("{:<16} {}\n", name, value); };
  add("git branch", place.git_branch.value_or("none: HEAD is detached, and nothing follows"));
  if (place.git_branch) {
    add("database branch", fmt::format("{} ({})", place.followed().str(),
                                       state.branch ? state.branch->status : "not made yet: 'bpg git sync' makes it"));
  }
  if (state.branch) {
    add("url", state.url);
  }
  add("made from", place.pin.parent.str());
  add("pinned by", place.pin.file.string());
  add("hook", state.installed ? workspace::Hook::in(place.tree.hooks).file.string() : "not installed: 'bpg git install'");
  return text;
}

void print(CommandLine& line, const State& state, const std::string& text) {
  line.output.result(to_json(state), state.place.git_branch ? state.place.followed().str() : "", text);
}

void status(CommandLine& line) {
  Place place = require_place();
  const auto context = line.open();
  const State state = look(*context, std::move(place));
  print(line, state, page(state));
}

/// The words with which the hook runs this very program.
workspace::HookCommand hook_command(const CommandLine& line) {
  return {.program = shell_quoted(fs::read_symlink("/proc/self/exe").string()),
          .options = line.config_file ? fmt::format("--config {} ", shell_quoted(fs::absolute(*line.config_file).string())) : ""};
}

/// The parent has to be there now only where somebody has just named it.
void check_parent(engine::Context& context, const SubjectAt& parent) {
  if (parent.moment.empty()) {
    engine::find_branch(context, parent.subject);
  } else {
    engine::get_snapshot(context, parent.str());
  }
}

void install(CommandLine& line, const workspace::PinChoice& choice) {
  auto tree = workspace::open_work_tree();
  workspace::Pin pin = workspace::choose_pin(tree, choice);
  const auto context = line.open();
  engine::find_database(*context, pin.database);
  if (!choice.parent.empty()) {
    check_parent(*context, pin.parent);
  }
  const auto installed = workspace::install(tree, pin, hook_command(line));
  const auto hook = workspace::Hook::in(tree.hooks);
  std::string text = fmt::format("{} {}\n", installed.changed_hook ? "installed" : "installed already:", hook.file.string());
  if (fs::exists(hook.kept)) {
    text += fmt::format("  it calls the hook that was there before, which is now {}\n", hook.kept.string());
  }
  text += fmt::format("{} {}: the database is {}\n", installed.wrote_pin ? "wrote" : "as it stands in", pin.file.string(), pin.database);
  text += "From the next checkout on, a database branch follows the git branch.\n";
  text += next_commands({{"bpg git sync", "makes that of the present one"}});
  auto git_branch = workspace::current_git_branch(tree);
  print(line, look(*context, {std::move(tree), std::move(pin), std::move(git_branch)}), text);
}

void uninstall(CommandLine& line) {
  const auto tree = workspace::open_work_tree();
  const auto hook = workspace::Hook::in(tree.hooks);
  const auto taken = workspace::uninstall(tree);
  const fs::path pin = tree.top / workspace::pin_name;
  std::string text;
  std::string outcome;
  switch (taken.hook) {
    case workspace::Uninstalled::removed:
      outcome = "removed";
      text = fmt::format("removed {}\n", hook.file.string());
      break;
    case workspace::Uninstalled::put_back:
      outcome = "put_back";
      text = fmt::format("put the former {} back\n", hook.file.string());
      break;
    case workspace::Uninstalled::not_there:
      outcome = "not_there";
      text = "bpg's hook is not installed here\n";
      break;
  }
  if (taken.removed_pin) {
    text += fmt::format("removed {}\n", pin.string());
  } else if (fs::exists(pin)) {
    text += fmt::format("{} stays\n", pin.string());
  }
  text += "Database branches stay, too: 'bpg branch list' shows them.\n";
  line.output.result({{"hook", hook.file.string()}, {"outcome", outcome}, {"removed_pin", taken.removed_pin}}, outcome, text);
}

void add_install(CLI::App& group, CommandLine& line) {
  auto choice = options_of<workspace::PinChoice>();
  CLI::App* command = add_command(group, "install", "Add a post-checkout hook to this git repository: a database branch follows the git branch",
                                  "  bpg git install --database app                        writes .bpg.yaml, adds the hook\n"
                                  "  bpg git install --database app --parent main@fixtures\n"
                                  "  bpg git install                                       where .bpg.yaml is there\n");
  command->add_option("--database", choice->database, "Whose branches follow; written to .bpg.yaml where there is none")->type_name("DATABASE");
  command->add_option("--parent", choice->parent, "What they are made from (main)")->type_name("BRANCH[@SNAPSHOT]");
  command->callback([&line, choice] { line.action = [&line, choice] { install(line, *choice); }; });
}

void add_plain(CLI::App& group, CommandLine& line, const char* name, const char* description, void (*run)(CommandLine&)) {
  CLI::App* command = add_command(group, name, description, fmt::format("  bpg git {}\n", name), {ErrorCode::not_found, ErrorCode::refused});
  command->callback([&line, run] { line.action = [&line, run] { run(line); }; });
}

}  // namespace

void add_git_commands(CLI::App& root, CommandLine& line) {
  CLI::App* group = add_group(root, "git", "Let a database branch follow the git branch");
  add_install(*group, line);
  add_plain(*group, line, "status", "Show which database branch follows the git branch", status);
  add_plain(*group, line, "sync", "Make or start the database branch of the present git branch", sync);
  add_plain(*group, line, "uninstall", "Take the hook away, and put back what it replaced; database branches stay", uninstall);
  add_plain(*group, line, "post-checkout", "What the hook runs: sync, which never fails", follow_checkout);
}

}  // namespace bpg::cli
