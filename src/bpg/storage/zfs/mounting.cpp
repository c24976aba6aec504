#include "bpg/storage/zfs/mounting.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/process.hpp"

namespace bpg::storage::zfs {

namespace {

bool is_root() { return ::geteuid() == 0; }

/// A dataset is known to bpg-mount by the last part of its name.
void ask_helper(const char* verb, const std::string& dataset = "") {
  std::vector<std::string> words{companion_program("bpg-mount").string(), verb};
  if (!dataset.empty()) {
    words.push_back(dataset.substr(dataset.rfind('/') + 1));
  }
  try {
    run_by_sudo(words);
  } catch (const Error& error) {
    if (error.message().find("bpg-mount: ") != std::string::npos) {
      throw;
    }
    throw Error(ErrorCode::permission, error.message(),
                fmt::format("Let root allow it again: 'sudo bpg setup --user {}'.", current_account().name));
  }
}

/// To another user than root ZFS says that it has made the dataset and may not mount it (zfs_mount_and_share in zfs_main.c), and fails.
void make(const std::vector<std::string>& arguments) {
  try {
    run_zfs(arguments);
  } catch (const Error& error) {
    if (is_root() || error.message().find("successfully created") == std::string::npos) {
      throw;
    }
  }
}

}  // namespace

void make_mounted(const std::vector<std::string>& arguments) {
  make(arguments);
  if (!is_root()) {
    ask_helper(mount_verb, arguments.back());
  }
}

void clone_unmounted(const std::string& snapshot, const std::string& name) {
  std::vector<std::string> arguments{"clone"};
  if (is_root()) {
    arguments.insert(arguments.end(), {"-o", "mountpoint=none"});
  }
  arguments.insert(arguments.end(), {snapshot, name});
  make(arguments);
}

void mount(const std::string& dataset, std::chrono::milliseconds wait) {
  if (is_root()) {
    run_zfs_when_idle({"mount", dataset}, wait);
  } else {
    when_idle([&] { ask_helper(mount_verb, dataset); }, wait);
  }
}

void destroy_file_system(const std::string& dataset) {
  if (is_root()) {
    run_zfs_when_idle({"destroy", dataset});
    return;
  }
  when_idle([&] {
    ask_helper(unmount_verb, dataset);
    try {
      run_zfs({"destroy", dataset});
    } catch (const Error& error) {
      // Another command has found it unmounted, and mounted it again.
      throw error.code() == ErrorCode::permission ? Error(ErrorCode::busy, error.message()) : error;
    }
  });
}

bool may_label() { return is_root(); }

void require_mounting() {
  if (!is_root()) {
    ask_helper(check_verb);
  }
}

}  // namespace bpg::storage::zfs
