#pragma once

#include <memory>
#include <string_view>

#include "bpg/util/error.hpp"
#include "bpg/wal/codec.hpp"

namespace bpg::wal {

std::unique_ptr<Compressor> make_zstd_compressor(const CompressorOptions& options);
std::unique_ptr<Compressor> make_raw_compressor(const CompressorOptions& options);
std::unique_ptr<Compressor> make_lz4_compressor(const CompressorOptions& options);
std::unique_ptr<Decompressor> make_zstd_decompressor();
std::unique_ptr<Decompressor> make_lz4_decompressor();

Error damaged_frame(std::string_view what);

}  // namespace bpg::wal
