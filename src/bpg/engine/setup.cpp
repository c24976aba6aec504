#include "bpg/engine/setup.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

Account account_of(const Setup& request) {
  const auto account = find_account(request.user);
  if (!account) {
    throw Error(ErrorCode::not_found, fmt::format("there is no user '{}'", request.user), "'getent passwd' lists those of this machine.");
  }
  if (account->uid == 0) {
    throw Error(ErrorCode::usage, "root needs nobody's leave", "Run 'bpg init --storage zfs' as root.");
  }
  return *account;
}

storage::DelegationRequest delegation_of(const Setup& request) {
  return {.user = account_of(request),
          .pool = request.pool,
          .zfs_options = request.zfs_options,
          .mount_program = companion_program("bpg-mount")};
}

}  // namespace

storage::DelegationPlan plan_setup(const Setup& request) {
  return request.remove ? storage::plan_withdrawal(request.user) : storage::plan_delegation(delegation_of(request));
}

void apply_setup(const Setup& request, const storage::DelegationPlan& plan) {
  if (request.remove) {
    step("take back", [&] { storage::withdraw(plan); });
  } else {
    step("delegate", [&] { storage::delegate(delegation_of(request), plan); });
  }
}

}  // namespace bpg::engine
