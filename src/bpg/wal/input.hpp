#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "bpg/wal/codec.hpp"

namespace bpg::wal {

/// Fills `buffer` from the descriptor as far as the file goes; the number of bytes. `path` names it in errors.
size_t read_some(int fd, std::span<std::byte> buffer, const std::filesystem::path& path);

/// Passes on the rest of the file in pieces of 128 KB; the number of bytes.
uint64_t read_pieces(int fd, const std::filesystem::path& path, const Sink& sink);

}  // namespace bpg::wal
