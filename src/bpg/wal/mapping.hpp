#pragma once

#include <cstdint>
#include <filesystem>

#include "bpg/wal/codec.hpp"

namespace bpg::wal {

/// Passes on the first `size` bytes of a file in pieces of 1 MB, without copying them: they are mapped, one piece at a time.
/// For files that nobody cuts short meanwhile: that, or a disk that fails, ends the process by SIGBUS.
void map_pieces(int fd, uint64_t size, const std::filesystem::path& path, const Sink& sink);

}  // namespace bpg::wal
