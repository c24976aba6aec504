#include "bpg/storage/zfs/delegation.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "bpg/storage/directory_storage.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage::zfs {

namespace {

constexpr const char* directory_of_all = "/var/lib/betterpg-zfs";

/// The characters that a dataset's name (zfs(8)) and a directory's can both have as they are.
bool is_plain(const std::string& name) {
  return !name.empty() && name.front() != '-' && name.front() != '.' && std::ranges::all_of(name, [](unsigned char character) {
    return std::isalnum(character) || character == '_' || character == '-' || character == '.';
  });
}

}  // namespace

fs::path delegation_directory(const std::string& user) {
  if (!is_plain(user)) {
    throw Error(ErrorCode::usage, fmt::format("the user name '{}' cannot be part of a dataset's name", user),
                "It may have letters, digits, '_', '-' and '.'.");
  }
  return fs::path(directory_of_all) / user;
}

void require_only_root_changes(const fs::path& path) {
  for (fs::path part = path;; part = part.parent_path()) {
    struct stat status {};
    if (::lstat(part.c_str(), &status) != 0) {
      throw system_error(errno, part.string());
    }
    if (S_ISLNK(status.st_mode) || status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
      throw Error(ErrorCode::refused, fmt::format("{} can be changed by others than root", part.string()),
                  "It must be root's, not a link, and for nobody else to write, and so must all directories above it.");
    }
    if (part == part.root_path()) {
      return;
    }
  }
}

std::optional<Delegation> recorded_delegation(const std::string& user) {
  if (!is_plain(user)) {
    return std::nullopt;
  }
  Delegation delegation{.user = {.name = user, .groups = {}}, .root = delegation_directory(user), .dataset = {}};
  const fs::path record = delegation.root / "dataset";
  if (!is_there(record)) {
    return std::nullopt;
  }
  for (const fs::path& path : {record, volumes_directory(delegation.root)}) {
    require_only_root_changes(path);
  }
  struct stat status {};
  const fs::path own = delegation.root / ".lock";
  if (::lstat(own.c_str(), &status) != 0) {
    throw system_error(errno, own.string());
  }
  delegation.user.uid = status.st_uid;
  delegation.dataset = trim(read_file(record));
  return delegation;
}

std::optional<Delegation> find_delegation(const Account& user) {
  auto delegation = recorded_delegation(user.name);
  if (delegation && delegation->user.uid != user.uid) {
    throw Error(ErrorCode::refused, fmt::format("{} was delegated to another user of the name '{}'", delegation->dataset, user.name),
                fmt::format("Take that back first: 'sudo bpg setup --user {} --remove'.", user.name));
  }
  if (delegation) {
    delegation->user = user;
  }
  return delegation;
}

std::string home_of(const Delegation& delegation) { return std::string(trim(read_file_if_exists(delegation.root / "home").value_or(""))); }

void set_home(const fs::path& root, const std::string& home) {
  const fs::path file = root / "home";  // nothing can be put in its place: the directory is root's
  write_all(open_file(file, O_WRONLY | O_TRUNC | O_NOFOLLOW).get(), home.empty() ? "" : home + "\n", file);
}

}  // namespace bpg::storage::zfs
