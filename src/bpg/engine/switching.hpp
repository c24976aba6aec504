#pragma once

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// The time in which a branch's server is replaced by another. Whatever ends it before `done`, the server of the
/// volume that the branch then points at runs again, if the branch wants to run; after a crash the next command
/// sees to that (`recover`). The branch's lock must be held throughout.
class Switching {
 public:
  /// Marks the branch and stops the server that runs on its port.
  Switching(Context& context, const BranchRef& branch);
  ~Switching();
  Switching(const Switching&) = delete;
  Switching& operator=(const Switching&) = delete;

  /// The mark was cleared with the transaction that moved the branch.
  void done() { m_done = true; }

 private:
  Context& m_context;
  BranchId m_branch;
  bool m_done = false;
};

/// Brings a branch that was left `switching` to rest: stops servers of volumes it does not point at, starts its own
/// if it wants to run, clears the mark. A server that does not start is told by its error and not tried again until
/// somebody starts it; after an interruption the mark stays.
void end_switching(Context& context, const BranchId& branch);

}  // namespace bpg::engine
