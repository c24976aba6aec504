#pragma once

#include <cstddef>
#include <span>

#include "bpg/wal/archive.hpp"
#include "bpg/wal/store.hpp"

namespace bpg::wal {

/// Throws `Error{refused}` where a file cannot be what its name says. `first` are its first bytes, 1 KB or all of it.
void check_source(const Identity& identity, const Source& source, std::span<const std::byte> first);

}  // namespace bpg::wal
