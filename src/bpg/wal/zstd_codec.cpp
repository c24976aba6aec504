#include <zstd.h>

#include <vector>

#include "bpg/wal/codecs.hpp"

namespace bpg::wal {

namespace {

/// 512 KB: a job then needs about 1 MB at level 1. A larger one gains a few per cent on WAL, for four times the memory.
constexpr int window_log = 19;
/// What a reader grants a frame that somebody else made.
constexpr int largest_window_log = 23;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

size_t check(size_t result) {
  if (ZSTD_isError(result)) {
    throw Error(ErrorCode::failure, "zstd: " + std::string(ZSTD_getErrorName(result)));
  }
  return result;
}

class ZstdCompressor : public Compressor {
 public:
  explicit ZstdCompressor(const CompressorOptions& options) : m_context(ZSTD_createCCtx()), m_out(ZSTD_CStreamOutSize()) {
    check(ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_compressionLevel, options.level));
    check(ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_windowLog, window_log));
    check(ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_checksumFlag, 1));
    check(ZSTD_CCtx_setPledgedSrcSize(m_context.get(), options.content_size));
  }

  void add(std::span<const std::byte> bytes, const Sink& sink) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (in.pos < in.size) {
      run(in, ZSTD_e_continue, sink);
    }
  }

  void finish(const Sink& sink) override {
    ZSTD_inBuffer in{nullptr, 0, 0};
    while (run(in, ZSTD_e_end, sink) != 0) {
    }
  }

 private:
  size_t run(ZSTD_inBuffer& in, ZSTD_EndDirective directive, const Sink& sink) {
    ZSTD_outBuffer out{m_out.data(), m_out.size(), 0};
    const size_t left = check(ZSTD_compressStream2(m_context.get(), &out, &in, directive));
    sink(std::span(m_out).first(out.pos));
    return left;
  }

  std::unique_ptr<ZSTD_CCtx, FreeContext> m_context;
  std::vector<std::byte> m_out;
};

/// Raw blocks in a zstd frame (RFC 8878, 3.1.1): stored as they are, and still read by every zstd.
class RawCompressor : public Compressor {
 public:
  explicit RawCompressor(const CompressorOptions& options) : m_left(options.content_size) {
    if (m_left > UINT32_MAX) {
      throw Error(ErrorCode::failure, "a frame of raw blocks cannot hold 4 GB");
    }
  }

  void add(std::span<const std::byte> bytes, const Sink& sink) override {
    begin(sink);
    while (!bytes.empty()) {
      const auto block = bytes.first(std::min(bytes.size(), largest_block));
      m_left -= block.size();
      write_block(block, sink);
      bytes = bytes.subspan(block.size());
    }
  }

  void finish(const Sink& sink) override {
    begin(sink);
    if (!m_ended) {
      write_block({}, sink);
    }
  }

 private:
  static constexpr size_t largest_block = 128 << 10;

  /// The frame header: magic number, a content size of four bytes, a window of 128 KB.
  void begin(const Sink& sink) {
    if (!m_begun) {
      m_begun = true;
      write_little_endian(0xFD2FB528, 4, sink);
      write_little_endian(0x80, 1, sink);
      write_little_endian(7 << 3, 1, sink);
      write_little_endian(m_left, 4, sink);
    }
  }

  void write_block(std::span<const std::byte> block, const Sink& sink) {
    m_ended = m_left == 0;
    write_little_endian((block.size() << 3) | (m_ended ? 1U : 0U), 3, sink);
    sink(block);
  }

  static void write_little_endian(uint64_t number, size_t size, const Sink& sink) {
    std::byte bytes[8];
    for (size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::byte>(number >> (8 * i));
    }
    sink(std::span(bytes, size));
  }

  size_t m_left;
  bool m_begun = false;
  bool m_ended = false;
};

class ZstdDecompressor : public Decompressor {
 public:
  ZstdDecompressor() : m_context(ZSTD_createDCtx()), m_out(ZSTD_DStreamOutSize()) {
    check(ZSTD_DCtx_setParameter(m_context.get(), ZSTD_d_windowLogMax, largest_window_log));
  }

  void add(std::span<const std::byte> bytes, const Sink& sink) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    // A full output buffer means that there may be more of it.
    for (bool more = true; more || in.pos < in.size;) {
      if (m_ended) {
        if (in.pos < in.size) {
          throw damaged_frame("something follows its end");
        }
        break;
      }
      ZSTD_outBuffer out{m_out.data(), m_out.size(), 0};
      const size_t left = ZSTD_decompressStream(m_context.get(), &out, &in);
      if (ZSTD_isError(left)) {
        throw damaged_frame(ZSTD_getErrorName(left));
      }
      m_ended = left == 0;
      more = out.pos == out.size;
      sink(std::span(m_out).first(out.pos));
    }
  }

  void finish() override {
    if (!m_ended) {
      throw damaged_frame("it is cut short");
    }
  }

 private:
  std::unique_ptr<ZSTD_DCtx, FreeContext> m_context;
  std::vector<std::byte> m_out;
  bool m_ended = false;
};

}  // namespace

std::unique_ptr<Compressor> make_zstd_compressor(const CompressorOptions& options) {
  return std::make_unique<ZstdCompressor>(options);
}

std::unique_ptr<Compressor> make_raw_compressor(const CompressorOptions& options) {
  return std::make_unique<RawCompressor>(options);
}

std::unique_ptr<Decompressor> make_zstd_decompressor() { return std::make_unique<ZstdDecompressor>(); }

}  // namespace bpg::wal
