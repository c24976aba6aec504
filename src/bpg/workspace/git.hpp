#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace bpg::workspace {

/// A git work tree: the main one or one of `git worktree`.
struct WorkTree {
  std::filesystem::path top;
  std::filesystem::path git_directory;  ///< this work tree's own
  std::filesystem::path hooks;          ///< where git looks for hooks: core.hooksPath, or hooks/ of the repository
};

/// The work tree of the current directory; throws `Error{not_found}` where there is none, in git's words.
WorkTree open_work_tree();

/// The git branch that is checked out; nothing while HEAD is detached, as in a rebase or bisect.
std::optional<std::string> current_git_branch(const WorkTree& tree);

bool is_tracked(const WorkTree& tree, const std::filesystem::path& file);

}  // namespace bpg::workspace
