#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "bpg/core/check.hpp"

namespace bpg::engine {

/// Examines what this machine has and what a home needs, also where `bpg init` has not been run. Changes nothing: it mends no
/// interrupted command, mounts nothing, and migrates no catalog. What it finds is in the answer; it throws only where it is
/// interrupted.
std::vector<Check> examine(const std::optional<std::filesystem::path>& config_file);

}  // namespace bpg::engine
