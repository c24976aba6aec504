#include "bpg/storage/zfs/delegated_set_up.hpp"

#include <fmt/format.h>

#include "bpg/storage/zfs/delegation.hpp"
#include "bpg/storage/zfs/mounting.hpp"
#include "bpg/storage/zfs/own_datasets.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/process.hpp"

namespace bpg::storage {

SetupResult set_up_delegated(const SetupRequest& request, const fs::path& home) {
  if (!request.pool_file.empty()) {
    throw Error(ErrorCode::permission, "only root can make a pool", "Run it as root, or leave out --pool-file.");
  }
  const Account user = current_account();
  const auto delegation = zfs::find_delegation(user);
  if (!delegation) {
    throw Error(ErrorCode::permission, fmt::format("root has delegated no zfs dataset to '{}'", user.name),
                fmt::format("Let root do that: 'sudo bpg setup --user {}'; or choose another --storage.", user.name));
  }
  const std::string& dataset = delegation->dataset;
  if (!request.path.empty() || !request.zfs_options.empty()) {
    throw Error(ErrorCode::usage, fmt::format("where volumes of '{}' are on zfs, and with which options, is root's choice", user.name),
                fmt::format("Leave out --path and --zfs-option: they are in {}.", dataset));
  }
  if (!request.pool.empty() && !dataset.starts_with(request.pool + "/")) {
    throw Error(ErrorCode::refused, fmt::format("what root has delegated to '{}' is {}", user.name, dataset), "Leave out --pool.");
  }
  if (!zfs::property(dataset, "type")) {
    throw Error(ErrorCode::storage, fmt::format("the dataset {} is gone", dataset),
                fmt::format("Let root make it anew: 'sudo bpg setup --user {}'.", user.name));
  }
  zfs::require_mounting();
  const auto lock = FileLock::acquire(delegation->root / ".lock", FileLock::Mode::exclusive, std::chrono::seconds(5));
  if (!lock) {
    throw Error(ErrorCode::busy, fmt::format("another command is at work on {}", dataset));
  }
  const std::string owner = zfs::home_of(*delegation);
  if (!owner.empty() && owner != home.string()) {
    throw Error(ErrorCode::refused, fmt::format("the dataset {} belongs to {}", dataset, owner),
                fmt::format("Remove that with 'BPG_HOME={} bpg init --remove', or choose another --storage.", owner));
  }
  zfs::set_home(delegation->root, home.string());
  return {.location = {.driver = "zfs", .root = delegation->root, .dataset = dataset},
          .reason = fmt::format("root has delegated {}", dataset),
          .notes = {}};
}

void tear_down_delegated(const Location& location) {
  if (zfs::property(location.dataset, "type")) {
    zfs::refuse_volumes_in(location.dataset);
  }
  zfs::set_home(location.root, "");
}

}  // namespace bpg::storage
