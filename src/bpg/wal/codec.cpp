#include "bpg/wal/codec.hpp"

#include "bpg/util/error.hpp"
#include "bpg/wal/codecs.hpp"

namespace bpg::wal {

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::zstd:
      return "zstd";
    case Codec::lz4:
      return "lz4";
    case Codec::none:
      return "none";
  }
  return "";
}

std::optional<Codec> parse_codec(std::string_view text) {
  for (const Codec codec : {Codec::zstd, Codec::lz4, Codec::none}) {
    if (text == to_string(codec)) {
      return codec;
    }
  }
  return std::nullopt;
}

Levels levels_of(Codec codec) {
  switch (codec) {
    case Codec::zstd:
      return {1, 19, 1};
    case Codec::lz4:
      return {0, 12, 0};
    case Codec::none:
      break;
  }
  return {0, 0, 0};
}

std::unique_ptr<Compressor> make_compressor(const CompressorOptions& options) {
  switch (options.codec) {
    case Codec::zstd:
      return make_zstd_compressor(options);
    case Codec::lz4:
      return make_lz4_compressor(options);
    case Codec::none:
      break;
  }
  return make_raw_compressor(options);
}

std::unique_ptr<Decompressor> make_decompressor(Codec codec) {
  return codec == Codec::lz4 ? make_lz4_decompressor() : make_zstd_decompressor();
}

Error damaged_frame(std::string_view what) {
  return Error(ErrorCode::storage, "the compressed data is damaged: " + std::string(what));
}

}  // namespace bpg::wal
