#include "bpg/engine/protection.hpp"

#include <fmt/format.h>

#include "bpg/engine/lock.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

BranchView change(Context& context, const Subject& subject, const std::function<void(Branch&)>& how) {
  BranchRef branch = find_branch(context, subject);
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  branch = find_branch_again(context, branch);
  how(branch.branch);
  step("store protection", [&] { context.catalog.write([&] { context.catalog.branches.update(branch.branch); }); });
  return view(context, branch);
}

}  // namespace

BranchView protect_branch(Context& context, const Subject& subject) {
  return change(context, subject, [](Branch& branch) {
    branch.is_protected = true;
    branch.expires_at.reset();
  });
}

BranchView unprotect_branch(Context& context, const Subject& subject) {
  return change(context, subject, [](Branch& branch) { branch.is_protected = false; });
}

void refuse_if_protected(const BranchRef& branch, const std::string& verb) {
  if (branch.branch.is_protected) {
    throw Error(ErrorCode::refused, fmt::format("{} is protected and cannot {}", branch.subject(), verb),
                fmt::format("To allow it: 'bpg branch unprotect {}'.", branch.subject()));
  }
}

bool comes_from_protected(const Context& context, const Volume& volume) {
  const auto parent = volume.parent ? context.catalog.volumes.find(*volume.parent) : std::nullopt;
  const auto branch = parent && parent->branch != volume.branch ? context.catalog.branches.find(parent->branch) : std::nullopt;
  return branch && branch->is_protected;
}

}  // namespace bpg::engine
