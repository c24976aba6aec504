#pragma once

#include <optional>
#include <string>

#include "bpg/engine/branches.hpp"
#include "bpg/engine/clone.hpp"
#include "bpg/engine/making.hpp"

namespace bpg::engine {

/// A branch in the making: its rows stand, its volume is cut and, if asked for, its server answers. Until `done`,
/// whatever ends it undoes it.
class BranchMaking {
 public:
  /// Makes all of it. The source's lock is held only until the volume is cut, or recovered: recovery reads its archive.
  BranchMaking(Context& context, const CreateBranch& request);

  const BranchRef& branch() const { return m_branch; }
  /// Where it was recovered to; nothing where it was not.
  std::optional<RestorePlan> restored() const { return m_source.restore; }

  /// From now on it is an ordinary branch.
  BranchRef done();

  /// Undoes it now. Where that fails, this throws, and the next command tries again.
  void undo() { m_making->undo(); }

 private:
  Context& m_context;
  std::optional<FileLock> m_source_lock;
  CloneSource m_source;
  ClonePlan m_plan;
  BranchRef m_branch;
  std::optional<Making> m_making;
};

}  // namespace bpg::engine
