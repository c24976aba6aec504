#pragma once

#include <optional>
#include <string>

#include "bpg/storage/storage.hpp"

namespace bpg::storage {

/// The healthy pool with the most free space; nothing where there is none, or no ZFS.
std::optional<std::string> usable_zfs_pool();

/// Makes the dataset that holds the volumes, in `request.pool` or in the pool above. Who is not root gets the one that root has
/// delegated to them.
SetupResult set_up_zfs(const SetupRequest& request);

void tear_down_zfs(const Location& location);

}  // namespace bpg::storage
