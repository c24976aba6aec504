#pragma once

#include <optional>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

/// Throws `Error{usage}` where the moment at which a branch is to expire has passed already.
void refuse_past(const Context& context, const std::optional<Time>& expires_at);

struct ExpireBranch {
  Subject subject;
  std::optional<Time> at{};  ///< nothing: never
};

/// Says when `bpg cleanup --expired` may delete the branch. Refused for main and for protected branches.
BranchView expire_branch(Context& context, const ExpireBranch& request);

}  // namespace bpg::engine
