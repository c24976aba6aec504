#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/core/check.hpp"
#include "bpg/storage/storage.hpp"

namespace bpg::storage {

/// Whether there is a ZFS that answers. `needed`: without it the storage does not work.
Check examine_zfs(bool needed);

/// The dataset that root has delegated to this user, if that is in order.
std::optional<std::string> delegated_dataset();

/// The pool of a location, and whether its volumes are mounted.
std::vector<Check> examine_zfs_pool(const Location& location);

}  // namespace bpg::storage
