#pragma once

#include <string>
#include <vector>

namespace bpg::storage::zfs {

/// The dataset <parent>/betterpg that holds those of all homes and users, and holds no files itself.
std::string group_name(const std::string& parent);

/// User properties (zfsprops(7)): that betterpg made a group, and which home of root's a dataset of volumes belongs to.
inline constexpr const char* group_property = "betterpg:group";
inline constexpr const char* home_property = "betterpg:home";

/// The arguments of the `zfs` that makes it.
std::vector<std::string> group_creation(const std::string& group);

/// Throws `Error{storage}` where zfs or zpool is not installed.
void require_programs();

/// Throws `Error{not_found}` where there is no such pool or dataset, `Error{storage}` where it is no file system.
void require_parent(const std::string& parent);

/// Throws `Error{refused}` where there are volumes or snapshots in a dataset that is to go.
void refuse_volumes_in(const std::string& dataset);

}  // namespace bpg::storage::zfs
