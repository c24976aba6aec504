#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bpg/wal/archive.hpp"

namespace bpg::wal {

/// Where an archive is to begin: at this segment of this timeline. Segments before it, on this timeline and on those that led to
/// it, may go, with the `.partial` and `.backup` files among them; histories never.
struct Cut {
  uint32_t timeline = 0;
  uint64_t first_kept = 0;
};

/// The number of the segment at which the archive begins since WAL was removed from it; 0 where none was. What is missing before
/// was removed on purpose. To be read after the files, as `prune` writes it before it removes any.
uint64_t kept_from(const Archive& archive);

struct Prunable {
  std::vector<FileName> files{};  ///< oldest first
  uint64_t segments = 0;          ///< how many of them are segments
  uint64_t bytes = 0;             ///< as they take space
};

/// What a cut would remove.
Prunable prunable(const Archive& archive, const Cut& cut);

struct PruneOptions {
  Owner owner{};  ///< of the archive's files
  std::function<void(size_t done, size_t total)> progress = [](size_t, size_t) {};
};

/// Removes it, oldest first, so that what is left has no gap wherever this ends early. May be repeated. Never brings an archive's
/// beginning back. Throws where a file cannot be removed.
Prunable prune(const Archive& archive, const Cut& cut, const PruneOptions& options = {});

}  // namespace bpg::wal
