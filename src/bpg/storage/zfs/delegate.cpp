#include "bpg/storage/delegate.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include <fmt/format.h>

#include "bpg/storage/directory_storage.hpp"
#include "bpg/storage/errors.hpp"
#include "bpg/storage/zfs/delegation.hpp"
#include "bpg/storage/zfs/own_datasets.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/storage/zfs/zfs_options.hpp"
#include "bpg/storage/zfs/zfs_set_up.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage {

namespace {

/// On the dataset itself alone: what makes its children. A child of a child would be mounted by root at boot below a directory of
/// the user's, who could have put a link there.
constexpr const char* rights_on_dataset = "create,mount";

/// On its children. Not `mountpoint`, `canmount`, `setuid`, `devices`, `rename` or `receive`: where a dataset is mounted, and how,
/// stays with root. Not `userprop`: what mounts at boot reads some of those (zfs-mount-generator(8)).
constexpr const char* rights_on_volumes = "clone,destroy,mount,promote,snapshot";

/// Files of the user's own in a directory that is not.
constexpr std::array<const char*, 2> own_files{".lock", "home"};

const fs::path sudoers_directory = "/etc/sudoers.d";

fs::path sudoers_file(uid_t uid) { return sudoers_directory / fmt::format("betterpg-{}", uid); }

void require_root() {
  if (::geteuid() != 0) {
    throw Error(ErrorCode::permission, "only root can delegate", "Run it with sudo.");
  }
}

/// Said before it is done, so that it is done as a whole or not begun.
void require_what_it_takes(const DelegationRequest& request) {
  require_root();
  if (!is_there("/dev/zfs")) {
    throw Error(ErrorCode::environment, "zfs-fuse cannot delegate", "It takes OpenZFS in the kernel.");
  }
  for (const char* program : {"sudo", "visudo"}) {
    if (!find_program(program)) {
      throw Error(ErrorCode::environment, "sudo is not installed", "Install it: 'apt-get install sudo'.");
    }
  }
  const std::string& program = request.mount_program.native();
  if (!std::ranges::all_of(program, [](unsigned char character) { return std::isalnum(character) || std::strchr("/_-.", character); })) {
    throw Error(ErrorCode::refused, fmt::format("sudo would not take '{}' as it stands", program), "Install bpg in another directory.");
  }
  zfs::require_only_root_changes(request.mount_program);
}

/// A line that sudo cannot read would keep it from working for everybody.
void require_readable(const Step& step) {
  const fs::path draft = step.file.string() + ".draft";  // sudo reads no file with a dot in its name
  write_file_atomic(draft, step.content, {.mode = step.mode});
  const auto result = run({"visudo", "-c", "-q", "-f", draft.string()});
  remove_tree(draft);
  if (result.exit_status != 0) {
    throw Error(ErrorCode::environment, fmt::format("sudo does not take '{}': {}", trim(step.content), trim(result.err)));
  }
}

void carry_out(const Step& step) {
  if (!step.command.empty()) {
    run_checked(step.command);
    return;
  }
  if (step.file.parent_path() == sudoers_directory) {
    require_readable(step);
  }
  write_file_atomic(step.file, step.content, {.mode = step.mode});
}

void carry_out(const DelegationPlan& plan) {
  for (const Step& step : plan.steps) {
    carry_out(step);
  }
}

Step zfs_step(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "zfs");
  return {.command = std::move(arguments)};
}

Step create_dataset(const std::string& dataset, const fs::path& root, const zfs::Options& chosen) {
  std::vector<std::string> arguments{"create"};
  const auto set = [&arguments](const std::string& property) { arguments.insert(arguments.end(), {"-o", property}); };
  set("canmount=off");
  set(fmt::format("mountpoint={}", volumes_directory(root).string()));
  set("setuid=off");
  set("devices=off");
  for (const auto& [name, value] : chosen) {
    set(fmt::format("{}={}", name, value));
  }
  for (const zfs::DatasetOption& option : zfs::dataset_options()) {
    if (!chosen.contains(option.name)) {
      set(fmt::format("{}={}", option.name, option.values.front()));  // a ZFS that delegates knows the best of each
    }
  }
  arguments.push_back(dataset);
  return zfs_step(std::move(arguments));
}

std::string pool_of(const DelegationRequest& request) {
  std::string pool = request.pool.empty() ? usable_zfs_pool().value_or("") : request.pool;
  if (pool.empty()) {
    throw Error(ErrorCode::not_found, "there is no healthy zfs pool", "Make one with 'zpool create', or name one with --pool.");
  }
  zfs::require_parent(pool);
  return pool;
}

}  // namespace

DelegationPlan plan_delegation(const DelegationRequest& request) {
  return in_storage("delegating", [&] {
    zfs::require_programs();
    const Account& user = request.user;
    const zfs::Options options = zfs::parse_options(request.zfs_options);
    if (options.contains("setuid") || options.contains("devices")) {
      throw Error(ErrorCode::usage, "betterpg decides itself on setuid and devices of a user's dataset", "Leave them out.");
    }
    const auto known = zfs::find_delegation(user);
    const std::string group = known && request.pool.empty() ? known->dataset.substr(0, known->dataset.rfind('/'))
                                                            : zfs::group_name(pool_of(request));
    DelegationPlan plan{.dataset = fmt::format("{}/databases-of-{}", group, user.name), .root = zfs::delegation_directory(user.name), .steps = {}};
    if (known && known->dataset != plan.dataset) {
      throw Error(ErrorCode::already_exists, fmt::format("'{}' has the dataset {} already", user.name, known->dataset),
                  fmt::format("Leave out --pool, or take that back first: 'bpg setup --user {} --remove'.", user.name));
    }
    const fs::path volumes = volumes_directory(plan.root);
    plan.steps.push_back({.command = {"install", "-d", "-m", "755", plan.root.parent_path().string(), plan.root.string(), volumes.string()}});
    for (const char* name : own_files) {
      if (const fs::path file = plan.root / name; !is_there(file)) {
        plan.steps.push_back({.command = {"install", "-m", "600", "-o", user.name, "/dev/null", file.string()}});
      }
    }
    // What tells of it comes before it: what was begun can be taken back.
    plan.steps.push_back({.file = plan.root / "dataset", .content = plan.dataset + "\n", .mode = 0644});
    if (!zfs::property(group, "type")) {
      plan.steps.push_back(zfs_step(zfs::group_creation(group)));
    }
    if (!zfs::property(plan.dataset, "type")) {
      plan.steps.push_back(create_dataset(plan.dataset, plan.root, options));
    } else if (!options.empty()) {
      throw Error(ErrorCode::refused, fmt::format("the dataset {} is there already", plan.dataset),
                  fmt::format("Leave out --zfs-option, then set it: 'zfs set NAME=VALUE {}'.", plan.dataset));
    }
    plan.steps.push_back(zfs_step({"allow", "-l", "-u", user.name, rights_on_dataset, plan.dataset}));
    plan.steps.push_back(zfs_step({"allow", "-d", "-u", user.name, rights_on_volumes, plan.dataset}));
    plan.steps.push_back({.file = sudoers_file(user.uid),
                          .content = fmt::format("#{} ALL=(root) NOPASSWD: {}\n", user.uid, request.mount_program.string()),
                          .mode = 0440});
    return plan;
  });
}

void delegate(const DelegationRequest& request, const DelegationPlan& plan) {
  in_storage("delegating", [&] {
    require_what_it_takes(request);
    carry_out(plan);
  });
}

DelegationPlan plan_withdrawal(const std::string& user) {
  return in_storage("taking back what was delegated", [&] {
    const auto known = zfs::recorded_delegation(user);
    if (!known) {
      throw Error(ErrorCode::not_found, fmt::format("nothing was delegated to '{}'", user));
    }
    DelegationPlan plan{.dataset = known->dataset, .root = known->root, .steps = {}};
    if (zfs::property(plan.dataset, "type")) {
      zfs::refuse_volumes_in(plan.dataset);
      if (!zfs::home_of(*known).empty()) {
        throw Error(ErrorCode::refused, fmt::format("a home of '{}' is set up on {}", user, plan.dataset),
                    fmt::format("Let them remove it: 'bpg init --remove'. Where it is gone: 'truncate -s 0 {}'.", (plan.root / "home").string()));
      }
      plan.steps.push_back(zfs_step({"destroy", plan.dataset}));
    }
    plan.steps.push_back({.command = {"rm", "-f", sudoers_file(known->user.uid).string()}});
    // What tells of it goes last, so that this can be done again.
    std::vector<std::string> directories{"rmdir"};
    for (const fs::directory_entry& left : fs::directory_iterator(volumes_directory(plan.root))) {
      directories.push_back(left.path().string());
    }
    if (directories.size() > 1) {
      plan.steps.push_back({.command = directories});
    }
    std::vector<std::string> files{"rm", "-f", (plan.root / "dataset").string()};
    for (const char* name : own_files) {
      files.push_back((plan.root / name).string());
    }
    plan.steps.push_back({.command = files});
    plan.steps.push_back({.command = {"rmdir", volumes_directory(plan.root).string(), plan.root.string()}});
    plan.steps.push_back({.command = {"rmdir", "--ignore-fail-on-non-empty", plan.root.parent_path().string()}});  // other users'
    return plan;
  });
}

void withdraw(const DelegationPlan& plan) {
  in_storage("taking back what was delegated", [&] {
    require_root();
    carry_out(plan);
  });
}

}  // namespace bpg::storage
