#pragma once

#include <memory>
#include <string_view>

#include "bpg/util/byte_reader.hpp"

namespace bpg {

enum class Compression { none, gzip, zstd, xz };

/// Told by the first bytes (at most six), not by a file's name.
Compression compression_of(std::string_view beginning);

/// The content of a stream: of a compressed one decompressed (also several compressed streams in a row, as gzip, zstd and
/// xz write them), of any other as it is. Reading throws `Error{failure}` where the compressed data is damaged or ends too
/// early.
std::unique_ptr<ByteReader> decompressed(std::unique_ptr<ByteReader> source);

}  // namespace bpg
