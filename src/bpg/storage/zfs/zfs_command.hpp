#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpg/util/error.hpp"

namespace bpg::storage::zfs {

/// Runs `zfs` or `zpool` with these arguments and returns its output. Throws with the command's words:
/// `already_exists`, `no_space`, `permission`, `busy`, `has_children`, `not_found` where they say so, else `storage`.
std::string run_zfs(const std::vector<std::string>& arguments);
std::string run_zpool(const std::vector<std::string>& arguments);

inline constexpr std::chrono::seconds usual_wait{5};

/// As `run_zfs`, again until `wait` has passed while something is busy: an unmount may still be under way.
void run_zfs_when_idle(const std::vector<std::string>& arguments, std::chrono::milliseconds wait = usual_wait);
void run_zpool_when_idle(const std::vector<std::string>& arguments, std::chrono::milliseconds wait = usual_wait);

/// Does `work` again until `wait` has passed while it throws `busy`; then throws `Error{storage}`.
void when_idle(const std::function<void()>& work, std::chrono::milliseconds wait = usual_wait);

/// Runs a program as root, which ends in zfs's words. To its end: nobody but root can interrupt it.
void run_by_sudo(const std::vector<std::string>& arguments);

/// The rows of `-H` output, split at tabs.
std::vector<std::vector<std::string>> rows(std::string_view output);

/// The value of one property; nothing where the dataset does not exist. "-" is an unset one.
std::optional<std::string> property(const std::string& dataset, const std::string& name);

}  // namespace bpg::storage::zfs
