#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "bpg/util/process.hpp"

namespace bpg::storage::zfs {

/// What root has delegated to another user (`bpg setup`), so that their own volumes can be on ZFS. It is told, and takes place, below
/// a directory that is root's alone, /var/lib/betterpg-zfs/<user>:
///
///   dataset    a file that names the dataset whose children are the volumes
///   volumes/   their mount points. Mounting is root's on Linux (zfs-allow(8)), and whoever may put a link on the way to a mount
///              point chooses what is mounted over
///   .lock      the user's own file, for ZfsStorage
///   home       the user's own file: the home that it is used for, or nothing
struct Delegation {
  Account user;
  std::filesystem::path root;
  std::string dataset;
};

/// Where it would be told. Throws `Error{usage}` for a user name that cannot be part of a dataset's.
std::filesystem::path delegation_directory(const std::string& user);

/// Throws `Error{refused}` where it is a link, or where it or a directory above it can be changed by anybody but root.
void require_only_root_changes(const std::filesystem::path& path);

/// What was delegated to a user of that name, of whom it tells the uid of then. Nothing where nothing was. Throws `Error{refused}` where
/// somebody but root could have told it.
std::optional<Delegation> recorded_delegation(const std::string& user);

/// The same for a user of today. Throws `Error{refused}`, too, where it was another of the same name.
std::optional<Delegation> find_delegation(const Account& user);

/// The home that the delegated dataset is used for; empty: none.
std::string home_of(const Delegation& delegation);

/// By the user.
void set_home(const std::filesystem::path& root, const std::string& home);

}  // namespace bpg::storage::zfs
