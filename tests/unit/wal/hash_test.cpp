#include "bpg/wal/hash.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace bpg::wal {
namespace {

std::string some_bytes(size_t size) {
  std::string bytes;
  for (uint32_t i = 0; bytes.size() < size; ++i) {
    bytes += static_cast<char>((i * 2654435761U) >> 24);
  }
  return bytes;
}

/// At once, in the instructions that every processor has.
std::string expected(const std::string& bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

TEST(Hash, IsThatOfXxhsum) {
  EXPECT_EQ(Hash().hex(), "99aa06d3014798d86001c324468d497f") << "of nothing, as xxhsum -H128 prints it";
}

TEST(Hash, IsTheSameInWhateverPiecesAndInstructions) {
  for (const size_t size : {1UL, 17UL, 240UL, 241UL, 1024UL, 1025UL, 100'000UL}) {
    const std::string bytes = some_bytes(size);
    for (const size_t piece : {1UL, 63UL, 64UL, 4096UL, size}) {
      Hash hash;
      for (size_t at = 0; at < size; at += piece) {
        hash.add(std::as_bytes(std::span(bytes).subspan(at, std::min(piece, size - at))));
      }
      EXPECT_EQ(hash.hex(), expected(bytes)) << size << " in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace bpg::wal
