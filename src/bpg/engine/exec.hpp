#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

struct Exec {
  SubjectAt source;
  bool fast = false;  ///< crash-consistent: no checkpoint on the source
  bool keep = false;  ///< the branch stays when the command has ended
};

/// What the command finds the branch by. The password is in `DATABASE_URL` and in the file that `PGPASSFILE` names, which
/// is for the user alone and goes with the branch.
using ExecEnvironment = std::map<std::string, std::string>;

/// Runs it on that branch; its exit status.
using ExecCommand = std::function<int(const ExecEnvironment&, const Subject& branch)>;

struct ExecResult {
  int exit_status = 0;
  std::optional<BranchView> kept;
  std::string left_behind;  ///< why the branch could not be removed; the next command of any kind tries again
};

/// Makes a branch of the source, runs `command` with its environment, and removes the branch. The branch need not
/// survive a power cut: its server syncs nothing.
///
/// The branch is `creating` for as long as it lives: whatever ends this, also a killed process, it is undone as any
/// other that was interrupted. Kept, it becomes an ordinary one, with a start of its server that is durable.
///
/// No more than `exec.max_running` run at once: others wait for their turn, in the order in which they came. One inside
/// the command of another has its turn with that.
ExecResult exec(Context& context, const Exec& request, const ExecCommand& command);

}  // namespace bpg::engine
