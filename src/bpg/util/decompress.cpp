#include "bpg/util/decompress.hpp"

#include <vector>

#include <fmt/format.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "bpg/util/error.hpp"

namespace bpg {

namespace {

Error damaged(std::string_view kind, std::string_view why) {
  return Error(ErrorCode::failure, fmt::format("the {} data is damaged: {}", kind, why),
               "Make the file again, or fetch it again.");
}

Error truncated(std::string_view kind) {
  return Error(ErrorCode::failure, fmt::format("the {} data ends too early", kind), "Make the file again, or fetch it again.");
}

/// What the three formats share: input that is fetched as it is used up.
class Decompressor : public ByteReader {
 public:
  explicit Decompressor(std::unique_ptr<ByteReader> source) : m_source(std::move(source)), m_input(size_t{1} << 17) {}

 protected:
  /// The next input; empty at its end.
  std::span<char> fetch() { return std::span(m_input).first(m_source->read(m_input)); }

 private:
  std::unique_ptr<ByteReader> m_source;
  std::vector<char> m_input;
};

class GzipReader : public Decompressor {
 public:
  explicit GzipReader(std::unique_ptr<ByteReader> source) : Decompressor(std::move(source)) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (::inflateInit2(&m_stream, gzip_only) != Z_OK) {
      throw Error(ErrorCode::environment, "zlib does not start");
    }
  }
  ~GzipReader() override { ::inflateEnd(&m_stream); }

  size_t read(std::span<char> buffer) override {
    m_stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    m_stream.avail_out = static_cast<uInt>(buffer.size());
    while (m_stream.avail_out == buffer.size()) {
      if (m_stream.avail_in == 0) {
        const auto input = fetch();
        if (input.empty()) {
          if (!m_between) {
            throw truncated("gzip");
          }
          return 0;
        }
        m_stream.next_in = reinterpret_cast<Bytef*>(input.data());
        m_stream.avail_in = static_cast<uInt>(input.size());
      }
      if (m_between) {
        ::inflateReset(&m_stream);
        m_between = false;
      }
      const int result = ::inflate(&m_stream, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        m_between = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        throw damaged("gzip", m_stream.msg ? m_stream.msg : "its checksum is wrong");
      }
    }
    return buffer.size() - m_stream.avail_out;
  }

 private:
  z_stream m_stream{};
  bool m_between = false;  ///< one stream has ended and no other has begun
};

class ZstdReader : public Decompressor {
 public:
  explicit ZstdReader(std::unique_ptr<ByteReader> source) : Decompressor(std::move(source)), m_stream(::ZSTD_createDCtx()) {}

  size_t read(std::span<char> buffer) override {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    while (out.pos == 0) {
      if (m_in.pos == m_in.size && !m_more_inside) {
        const auto input = fetch();
        if (input.empty()) {
          if (m_in_frame) {
            throw truncated("zstd");
          }
          return 0;
        }
        m_in = {input.data(), input.size(), 0};
      }
      const size_t left = ::ZSTD_decompressStream(m_stream.get(), &out, &m_in);
      if (::ZSTD_isError(left)) {
        throw damaged("zstd", ::ZSTD_getErrorName(left));
      }
      m_in_frame = left != 0;
      m_more_inside = out.pos == out.size;  // it may hold output that found no room
    }
    return out.pos;
  }

 private:
  struct Freer {
    void operator()(ZSTD_DCtx* stream) const { ::ZSTD_freeDCtx(stream); }
  };
  std::unique_ptr<ZSTD_DCtx, Freer> m_stream;
  ZSTD_inBuffer m_in{nullptr, 0, 0};
  bool m_in_frame = true;
  bool m_more_inside = false;
};

class XzReader : public Decompressor {
 public:
  explicit XzReader(std::unique_ptr<ByteReader> source) : Decompressor(std::move(source)) {
    if (::lzma_stream_decoder(&m_stream, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK) {
      throw Error(ErrorCode::environment, "liblzma does not start");
    }
  }
  ~XzReader() override { ::lzma_end(&m_stream); }

  size_t read(std::span<char> buffer) override {
    if (m_ended) {
      return 0;
    }
    m_stream.next_out = reinterpret_cast<uint8_t*>(buffer.data());
    m_stream.avail_out = buffer.size();
    while (m_stream.avail_out == buffer.size() && !m_ended) {
      if (m_stream.avail_in == 0) {
        const auto input = fetch();
        m_stream.next_in = reinterpret_cast<const uint8_t*>(input.data());
        m_stream.avail_in = input.size();
        m_action = input.empty() ? LZMA_FINISH : LZMA_RUN;
      }
      switch (::lzma_code(&m_stream, m_action)) {
        case LZMA_OK:
          break;
        case LZMA_STREAM_END:
          m_ended = true;
          break;
        case LZMA_BUF_ERROR:
          throw truncated("xz");
        case LZMA_FORMAT_ERROR:
          throw damaged("xz", "something else follows it");
        default:
          throw damaged("xz", "its checksum or structure is wrong");
      }
    }
    return buffer.size() - m_stream.avail_out;
  }

 private:
  lzma_stream m_stream = LZMA_STREAM_INIT;
  lzma_action m_action = LZMA_RUN;
  bool m_ended = false;
};

}  // namespace

Compression compression_of(std::string_view beginning) {
  using namespace std::string_view_literals;
  if (beginning.starts_with("\x1f\x8b"sv)) {
    return Compression::gzip;
  }
  if (beginning.starts_with("\x28\xb5\x2f\xfd"sv)) {
    return Compression::zstd;
  }
  if (beginning.starts_with("\xfd"
                            "7zXZ\0"sv)) {
    return Compression::xz;
  }
  return Compression::none;
}

std::unique_ptr<ByteReader> decompressed(std::unique_ptr<ByteReader> source) {
  auto reader = std::make_unique<PeekableReader>(std::move(source));
  switch (compression_of(reader->peek(6))) {
    case Compression::gzip:
      return std::make_unique<GzipReader>(std::move(reader));
    case Compression::zstd:
      return std::make_unique<ZstdReader>(std::move(reader));
    case Compression::xz:
      return std::make_unique<XzReader>(std::move(reader));
    case Compression::none:
      break;
  }
  return reader;
}

}  // namespace bpg
