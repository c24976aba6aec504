#include "bpg/storage/zfs/mount_for.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "bpg/core/id.hpp"
#include "bpg/storage/directory_storage.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage::zfs {

namespace {

struct Place {
  std::string dataset;
  fs::path mount_point;
};

Place place_of(const Delegation& delegation, const std::string& name) {
  if (!VolumeId::parse(name) && !SnapshotId::parse(name)) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is no volume", name));
  }
  return {delegation.dataset + "/" + name, volumes_directory(delegation.root) / name};
}

enum class State { absent, unmounted, mounted };

/// Where ZFS would mount it is asked again: whoever else was given the right to set a mount point is not trusted with it.
State state_of(const Place& place) {
  std::string values;
  try {
    values = run_zfs({"get", "-H", "-o", "value", "type,mountpoint,canmount,mounted", place.dataset});
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) {
      return State::absent;
    }
    throw;
  }
  const auto lines = split(trim(values), '\n');
  if (lines.size() != 4 || lines[0] != "filesystem" || lines[1] != place.mount_point.string() || lines[2] != "on") {
    throw Error(ErrorCode::refused, fmt::format("{} would not be mounted at {}", place.dataset, place.mount_point.string()));
  }
  return lines[3] == "yes" ? State::mounted : State::unmounted;
}

/// Of a new file system the directory is root's, or its maker's, as the version of ZFS has it. A mount point that somebody has unmounted
/// again meanwhile is not given away.
void give(const fs::path& mount_point, const Account& user) {
  const UniqueFd directory = open_file(mount_point, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  struct stat status {};
  struct stat above {};
  if (::fstat(directory.get(), &status) != 0 || ::stat(mount_point.parent_path().c_str(), &above) != 0) {
    throw system_error(errno, mount_point.string());
  }
  if (status.st_dev == above.st_dev) {
    throw Error(ErrorCode::busy, fmt::format("{} is busy: it was unmounted meanwhile", mount_point.string()));
  }
  if (status.st_uid == 0 && (::fchown(directory.get(), user.uid, user.gid) != 0 || ::fchmod(directory.get(), 0700) != 0)) {
    throw system_error(errno, mount_point.string());
  }
}

}  // namespace

void mount_for(const Delegation& delegation, const std::string& name) {
  const Place place = place_of(delegation, name);
  switch (state_of(place)) {
    case State::absent:
      ::rmdir(place.mount_point.c_str());
      throw Error(ErrorCode::not_found, fmt::format("the dataset {} does not exist", place.dataset));
    case State::unmounted:
      run_zfs({"mount", "-o", "nosuid,nodev", place.dataset});
      give(place.mount_point, delegation.user);
      return;
    case State::mounted:
      return;
  }
}

void unmount_for(const Delegation& delegation, const std::string& name) {
  const Place place = place_of(delegation, name);
  if (state_of(place) == State::mounted) {
    run_zfs({"unmount", place.dataset});
  }
  ::rmdir(place.mount_point.c_str());
}

}  // namespace bpg::storage::zfs
