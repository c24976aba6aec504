#include <lz4frame.h>

#include <algorithm>
#include <vector>

#include "bpg/wal/codecs.hpp"

namespace bpg::wal {

namespace {

constexpr size_t piece = 128 << 10;

struct FreeContext {
  void operator()(LZ4F_cctx* context) const { LZ4F_freeCompressionContext(context); }
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

size_t check(size_t result) {
  if (LZ4F_isError(result)) {
    throw Error(ErrorCode::failure, "lz4: " + std::string(LZ4F_getErrorName(result)));
  }
  return result;
}

class Lz4Compressor : public Compressor {
 public:
  explicit Lz4Compressor(const CompressorOptions& options) {
    LZ4F_cctx* context = nullptr;
    check(LZ4F_createCompressionContext(&context, LZ4F_VERSION));
    m_context.reset(context);
    m_preferences.frameInfo.blockSizeID = LZ4F_max256KB;
    m_preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    m_preferences.frameInfo.contentSize = options.content_size;
    m_preferences.compressionLevel = options.level;
    m_out.resize(std::max<size_t>(LZ4F_compressBound(piece, &m_preferences), LZ4F_HEADER_SIZE_MAX));
  }

  void add(std::span<const std::byte> bytes, const Sink& sink) override {
    begin(sink);
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), piece));
      pass(LZ4F_compressUpdate(m_context.get(), m_out.data(), m_out.size(), part.data(), part.size(), nullptr), sink);
      bytes = bytes.subspan(part.size());
    }
  }

  void finish(const Sink& sink) override {
    begin(sink);
    pass(LZ4F_compressEnd(m_context.get(), m_out.data(), m_out.size(), nullptr), sink);
  }

 private:
  void begin(const Sink& sink) {
    if (!m_begun) {
      m_begun = true;
      pass(LZ4F_compressBegin(m_context.get(), m_out.data(), m_out.size(), &m_preferences), sink);
    }
  }

  void pass(size_t result, const Sink& sink) { sink(std::span(m_out).first(check(result))); }

  std::unique_ptr<LZ4F_cctx, FreeContext> m_context;
  LZ4F_preferences_t m_preferences{};
  std::vector<std::byte> m_out;
  bool m_begun = false;
};

class Lz4Decompressor : public Decompressor {
 public:
  Lz4Decompressor() : m_out(piece) {
    LZ4F_dctx* context = nullptr;
    check(LZ4F_createDecompressionContext(&context, LZ4F_VERSION));
    m_context.reset(context);
  }

  void add(std::span<const std::byte> bytes, const Sink& sink) override {
    for (bool more = true; more || !bytes.empty();) {
      if (m_ended) {
        if (!bytes.empty()) {
          throw damaged_frame("something follows its end");
        }
        break;
      }
      size_t read = bytes.size();
      size_t written = m_out.size();
      const size_t left = LZ4F_decompress(m_context.get(), m_out.data(), &written, bytes.data(), &read, nullptr);
      if (LZ4F_isError(left)) {
        throw damaged_frame(LZ4F_getErrorName(left));
      }
      if (read == 0 && written == 0 && !bytes.empty() && left != 0) {
        throw damaged_frame("it cannot be read on");
      }
      m_ended = left == 0;
      more = written == m_out.size();
      bytes = bytes.subspan(read);
      sink(std::span(m_out).first(written));
    }
  }

  void finish() override {
    if (!m_ended) {
      throw damaged_frame("it is cut short");
    }
  }

 private:
  std::unique_ptr<LZ4F_dctx, FreeContext> m_context;
  std::vector<std::byte> m_out;
  bool m_ended = false;
};

}  // namespace

std::unique_ptr<Compressor> make_lz4_compressor(const CompressorOptions& options) {
  return std::make_unique<Lz4Compressor>(options);
}

std::unique_ptr<Decompressor> make_lz4_decompressor() { return std::make_unique<Lz4Decompressor>(); }

}  // namespace bpg::wal
