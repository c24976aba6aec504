#pragma once

#include <string>
#include <vector>

#include "bpg/storage/delegate.hpp"

namespace bpg::engine {

/// What `bpg setup` was asked for.
struct Setup {
  std::string user;
  std::string pool{};
  std::vector<std::string> zfs_options{};
  bool remove = false;
};

/// What it takes to let a user have branches on ZFS, or to take that back; changes nothing. Needs no home. Throws `Error{not_found}`
/// where there is no such user.
storage::DelegationPlan plan_setup(const Setup& request);

/// Carries it out, as root.
void apply_setup(const Setup& request, const storage::DelegationPlan& plan);

}  // namespace bpg::engine
