#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bpg/util/process.hpp"

namespace bpg::storage {

struct DelegationRequest {
  Account user;                            ///< not root
  std::string pool{};                      ///< a pool or dataset; empty: the healthy pool with the most free space
  std::vector<std::string> zfs_options{};  ///< properties of the dataset, "NAME=VALUE"
  std::filesystem::path mount_program;     ///< bpg-mount
};

/// One thing to do, as root.
struct Step {
  std::vector<std::string> command{};  ///< a program and its arguments; empty: a file is written
  std::filesystem::path file{};
  std::string content{};
  mode_t mode = 0;
};

struct DelegationPlan {
  std::string dataset;         ///< of the user's volumes
  std::filesystem::path root;  ///< of their mount points
  std::vector<Step> steps;     ///< what there is already is not among them, but for what can be said twice
};

/// What would let the user have volumes on ZFS: a dataset of their own, rights on it (zfs-allow(8)), a directory of root's to mount
/// at, and a line in sudoers(5) for bpg-mount. Changes nothing. Throws `Error{not_found}` where there is no such pool.
DelegationPlan plan_delegation(const DelegationRequest& request);

/// Carries out the steps. May be done again after it has failed. Throws `Error{permission}` unless it is root, and before anything is changed `Error{environment}` or
/// `Error{refused}` where something is missing or not safe.
void delegate(const DelegationRequest& request, const DelegationPlan& plan);

/// What takes it back, also from a user who is gone, where nothing is left in the dataset; else throws `Error{refused}`. Throws `Error{not_found}` where nothing was
/// delegated.
DelegationPlan plan_withdrawal(const std::string& user);

/// Carries out the steps of that.
void withdraw(const DelegationPlan& plan);

}  // namespace bpg::storage
