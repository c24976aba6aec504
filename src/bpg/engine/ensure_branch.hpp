#pragma once

#include "bpg/engine/views.hpp"

namespace bpg::engine {

struct EnsureBranch {
  Subject subject;
  SubjectAt from;  ///< what it is made from where there is none
};

struct EnsuredBranch {
  enum class Outcome { made, started, was_running };

  BranchView branch;
  Outcome outcome = Outcome::was_running;
};

/// The branch, running: made where there is none, started where it stands still. Asked twice at once, it makes one.
EnsuredBranch ensure_branch(Context& context, const EnsureBranch& request);

}  // namespace bpg::engine
