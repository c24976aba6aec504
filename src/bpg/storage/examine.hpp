#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "bpg/core/check.hpp"
#include "bpg/storage/storage.hpp"

namespace bpg::storage {

struct Examination {
  std::optional<Location> location{};  ///< nothing: none has been chosen
  std::filesystem::path home{};        ///< where one would be made
  uint64_t reserve_bytes = 0;          ///< with less free space nothing new is made
};

/// What this machine has for the storage at a location, or for choosing one. Looks only: mounts nothing, imports nothing, makes
/// nothing. Does not throw for what it finds.
std::vector<Check> examine(const Examination& examination);

}  // namespace bpg::storage
