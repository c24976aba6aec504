#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace bpg::wal {

/// How stored bytes are compressed. `none` is a zstd frame of raw blocks, so that `zstd -d` reads all of them.
enum class Codec { zstd, lz4, none };

std::string_view to_string(Codec codec);
std::optional<Codec> parse_codec(std::string_view text);

/// Takes what comes out of a codec.
using Sink = std::function<void(std::span<const std::byte>)>;

/// The range of levels that a codec knows, and the one that is taken unless told otherwise.
struct Levels {
  int lowest;
  int highest;
  int standard;
};
Levels levels_of(Codec codec);

/// Makes one frame.
class Compressor {
 public:
  virtual ~Compressor() = default;
  virtual void add(std::span<const std::byte> bytes, const Sink& sink) = 0;
  virtual void finish(const Sink& sink) = 0;
};

struct CompressorOptions {
  Codec codec = Codec::zstd;
  int level = 0;           ///< one of `levels_of(codec)`
  size_t content_size = 0; ///< what will be added, exactly
};
std::unique_ptr<Compressor> make_compressor(const CompressorOptions& options);

/// Reads one frame of any codec. Throws `Error{storage}` where it is damaged, cut short or followed by anything.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  virtual void add(std::span<const std::byte> bytes, const Sink& sink) = 0;
  virtual void finish() = 0;
};

std::unique_ptr<Decompressor> make_decompressor(Codec codec);

}  // namespace bpg::wal
