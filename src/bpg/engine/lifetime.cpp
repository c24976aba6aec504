#include "bpg/engine/lifetime.hpp"

#include <fmt/format.h>

#include "bpg/engine/lock.hpp"
#include "bpg/engine/protection.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

void refuse_past(const Context& context, const std::optional<Time>& expires_at) {
  if (expires_at && *expires_at <= context.clock.now()) {
    throw Error(ErrorCode::usage, fmt::format("{} is not in the future", to_rfc3339(*expires_at)),
                "A branch expires at a moment to come. To delete it now: 'bpg branch delete'.");
  }
}

BranchView expire_branch(Context& context, const ExpireBranch& request) {
  refuse_past(context, request.at);
  BranchRef branch = find_branch(context, request.subject);
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  branch = find_branch_again(context, branch);
  if (request.at) {
    if (!branch.branch.parent) {
      throw Error(ErrorCode::refused, fmt::format("{} cannot expire", branch.subject()),
                  fmt::format("To delete the whole database: 'bpg db delete {}'.", branch.database.name));
    }
    refuse_if_protected(branch, "expire");
  }
  branch.branch.expires_at = request.at;
  step("store expiry", [&] { context.catalog.write([&] { context.catalog.branches.update(branch.branch); }); });
  return view(context, branch);
}

}  // namespace bpg::engine
