#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bpg/wal/index.hpp"

namespace bpg::wal {

/// The newest segment of this timeline, or of one that led to it; nothing where none is stored.
std::optional<uint64_t> newest_segment(const Index& index, uint32_t timeline);

/// The segments that are missing on one line of history between `first` and the newest that is stored, in order. `first` and
/// later ones that have not been archived yet are none.
std::vector<Range> gaps_of(const Index& index, const History& history, uint64_t first);

}  // namespace bpg::wal
