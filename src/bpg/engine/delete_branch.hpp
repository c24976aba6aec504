#pragma once

#include <functional>
#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

enum class Children { refuse, cascade, reparent };

struct DeleteBranch {
  Subject subject;
  Children children = Children::refuse;
  bool now = false;  ///< free the volumes at once instead of keeping them
  std::optional<Time> if_expired_by{};  ///< refused where the branch does not expire by then
};

/// Deletes the branch, with `cascade` its descendants, too. The names are free at once; the volumes are kept for the
/// retention window unless `now`. All that were deleted, children before their parents.
std::vector<BranchView> delete_branch(Context& context, const DeleteBranch& request);

/// Brings back the branch of that name that was deleted last, running if it ran; with its port where that is free.
BranchView undelete_branch(Context& context, const Subject& subject);

/// Retires these branches in one transaction that also runs `also`, then stops their servers, and with `now` frees
/// their volumes.
void retire_branches(Context& context, const std::vector<BranchRef>& branches, bool now,
                     const std::function<void()>& also);

/// Makes a retired branch live again: the row alone, left `switching` until `end_switching` has started its server. In a
/// transaction.
void revive_branch(Context& context, Branch& branch);

}  // namespace bpg::engine
