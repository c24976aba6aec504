#include "bpg/workspace/git.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"

namespace bpg::workspace {

namespace fs = std::filesystem;

namespace {

/// Git may set GIT_DIR relative to the current directory for its hooks, so this runs there, without -C.
RunResult git(std::vector<std::string> arguments, const fs::path& directory = {}) {
  arguments.insert(arguments.begin(), "git");
  return run(arguments, {.directory = directory, .deadline = std::chrono::seconds(30)});
}

}  // namespace

WorkTree open_work_tree() {
  const RunResult answer =
      git({"rev-parse", "--path-format=absolute", "--show-toplevel", "--absolute-git-dir", "--git-path", "hooks"});
  const auto lines = split(trim(answer.out), '\n');
  if (answer.exit_status != 0 || lines.size() != 3) {
    throw Error(ErrorCode::not_found, fmt::format("there is no git work tree here: {}", split(trim(answer.err), '\n').front()),
                "Go to a directory of a git repository.");
  }
  return {.top = lines[0], .git_directory = lines[1], .hooks = lines[2]};
}

std::optional<std::string> current_git_branch(const WorkTree& tree) {
  constexpr std::string_view prefix = "refs/heads/";
  std::error_code ignored;
  // A rebase of a checked-out branch moves through its commits, and in the end back onto the branch.
  for (const char* state : {"rebase-merge", "rebase-apply"}) {
    if (fs::exists(tree.git_directory / state, ignored)) {
      return std::nullopt;
    }
  }
  const RunResult head = git({"symbolic-ref", "--quiet", "HEAD"});
  const std::string_view name = trim(head.out);
  return head.exit_status == 0 && name.starts_with(prefix) ? std::optional(std::string(name.substr(prefix.size()))) : std::nullopt;
}

bool is_tracked(const WorkTree& tree, const fs::path& file) {
  return git({"ls-files", "--error-unmatch", "--", file.string()}, tree.top).exit_status == 0;
}

}  // namespace bpg::workspace
