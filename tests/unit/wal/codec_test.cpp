#include "bpg/wal/codec.hpp"

#include <gtest/gtest.h>

#include <random>

#include "bpg/util/error.hpp"

namespace bpg::wal {
namespace {

void collect(std::string& into, std::span<const std::byte> bytes) {
  into.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string compress(Codec codec, const std::string& text, size_t piece = 100'000) {
  std::string out;
  const Sink sink = [&](std::span<const std::byte> bytes) { collect(out, bytes); };
  const auto compressor = make_compressor({.codec = codec, .level = levels_of(codec).standard, .content_size = text.size()});
  for (size_t at = 0; at < text.size(); at += piece) {
    compressor->add(std::as_bytes(std::span(text)).subspan(at, std::min(piece, text.size() - at)), sink);
  }
  compressor->finish(sink);
  return out;
}

std::string uncompress(Codec codec, const std::string& text, size_t piece = 7000) {
  std::string out;
  const Sink sink = [&](std::span<const std::byte> bytes) { collect(out, bytes); };
  const auto decompressor = make_decompressor(codec);
  for (size_t at = 0; at < text.size(); at += piece) {
    decompressor->add(std::as_bytes(std::span(text)).subspan(at, std::min(piece, text.size() - at)), sink);
  }
  decompressor->finish();
  return out;
}

std::string sample(size_t size) {
  std::mt19937 random(3);
  std::string text;
  while (text.size() < size) {
    text += "row " + std::to_string(random() % 1000) + std::string(random() % 30, '\0');
  }
  text.resize(size);
  return text;
}

class EachCodec : public testing::TestWithParam<Codec> {};
INSTANTIATE_TEST_SUITE_P(All, EachCodec, testing::Values(Codec::zstd, Codec::lz4, Codec::none),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

TEST_P(EachCodec, GivesBackWhatItTook) {
  for (const size_t size : {1, 40, 128 << 10, (128 << 10) + 1, 1 << 20, 3'000'000}) {
    const std::string text = sample(static_cast<size_t>(size));
    EXPECT_EQ(uncompress(GetParam(), compress(GetParam(), text)), text) << size;
  }
  EXPECT_EQ(uncompress(GetParam(), compress(GetParam(), sample(5000), 1), 1), sample(5000));
}

TEST_P(EachCodec, RefusesWhatIsCutOrContinued) {
  const std::string whole = compress(GetParam(), sample(300'000));
  for (const size_t length : {size_t{0}, size_t{3}, size_t{10}, whole.size() / 2, whole.size() - 1}) {
    EXPECT_THROW(uncompress(GetParam(), whole.substr(0, length)), Error) << length;
  }
  EXPECT_THROW(uncompress(GetParam(), whole + "x"), Error);
  EXPECT_THROW(uncompress(GetParam(), whole + whole), Error);
}

TEST_P(EachCodec, SurvivesDamage) {
  const std::string text = sample(300'000);
  const std::string whole = compress(GetParam(), text);
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::string damaged = whole;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      // What passes here is found by the hash in the head.
      uncompress(GetParam(), damaged);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::storage) << error.message();
    }
  }
}

TEST(WalCodec, HasAName) {
  for (const Codec codec : {Codec::zstd, Codec::lz4, Codec::none}) {
    EXPECT_EQ(parse_codec(to_string(codec)), codec);
  }
  EXPECT_FALSE(parse_codec("gzip"));
}

}  // namespace
}  // namespace bpg::wal
