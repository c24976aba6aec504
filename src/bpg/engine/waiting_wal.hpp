#pragma once

#include <cstdint>
#include <optional>

#include "bpg/util/clock.hpp"
#include "bpg/util/file.hpp"

namespace bpg::engine {

/// Files that a server has finished and not archived yet. It may be at one of them just now.
struct WaitingWal {
  uint64_t files = 0;
  std::optional<Time> since{};  ///< when the oldest of them was finished; nothing where none waits
};

/// None where the directory cannot be read. Asks the file system alone: also of servers that do not answer, and of many at once.
WaitingWal waiting_wal(const fs::path& data_directory);

}  // namespace bpg::engine
