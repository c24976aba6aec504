#include "bpg/util/decompress.hpp"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/throws.hpp"
#include "support/text_reader.hpp"

namespace bpg {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

std::string xz(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                    reinterpret_cast<uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

std::string all_of(const std::string& data, size_t piece = 7) {
  const auto reader = decompressed(std::make_unique<test::TextReader>(data, piece));
  std::string text;
  char buffer[1000];
  while (const size_t count = reader->read(buffer)) {
    text.append(buffer, count);
  }
  return text;
}

/// Long enough for several buffers, and not all the same.
std::string sample() {
  std::string text;
  for (int i = 0; i < 100000; ++i) {
    text += std::to_string(i * 7919) + "\n";
  }
  return text;
}

struct Format {
  const char* name;
  std::string (*compress)(const std::string&);
  Compression compression;
};

class Decompress : public testing::TestWithParam<Format> {};

TEST_P(Decompress, GivesBackWhatWasCompressed) {
  const std::string data = GetParam().compress(sample());
  EXPECT_EQ(compression_of(data), GetParam().compression);
  EXPECT_EQ(all_of(data), sample());
  EXPECT_EQ(all_of(data, data.size()), sample());
  EXPECT_EQ(all_of(GetParam().compress("")), "");
}

TEST_P(Decompress, ReadsStreamsInARowAsOne) {
  EXPECT_EQ(all_of(GetParam().compress("one ") + GetParam().compress("two ") + GetParam().compress(sample())), "one two " + sample());
}

TEST_P(Decompress, RefusesWhatEndsTooEarly) {
  const std::string data = GetParam().compress(sample());
  for (const size_t length : {data.size() - 1, data.size() / 2, size_t{12}}) {
    EXPECT_THAT(test::error_of([&] { all_of(data.substr(0, length)); }).message(), testing::HasSubstr("ends too early")) << length;
  }
}

TEST_P(Decompress, RefusesWhatIsDamaged) {
  std::string data = GetParam().compress(sample());
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 0x55);
  EXPECT_THAT(test::error_of([&] { all_of(data); }).message(), testing::HasSubstr("is damaged"));
}

TEST_P(Decompress, RefusesWhatFollows) {
  EXPECT_THAT(test::error_of([&] { all_of(GetParam().compress("one") + "something else"); }).message(), testing::HasSubstr("is damaged"));
}

INSTANTIATE_TEST_SUITE_P(Formats, Decompress,
                         testing::Values(Format{"gzip", gzip, Compression::gzip}, Format{"zstd", zstd, Compression::zstd},
                                         Format{"xz", xz, Compression::xz}),
                         [](const auto& test) { return test.param.name; });

TEST(DecompressNothing, GivesTheContentAsItIs) {
  EXPECT_EQ(all_of("SELECT 1;"), "SELECT 1;");
  EXPECT_EQ(all_of("\x1f"), "\x1f");
  EXPECT_EQ(all_of(""), "");
}

}  // namespace
}  // namespace bpg
