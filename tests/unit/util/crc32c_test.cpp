#include "bpg/util/crc32c.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bpg {
namespace {

TEST(Crc32c, IsCastagnolis) {
  EXPECT_EQ(crc32c("", 0), 0U);
  EXPECT_EQ(crc32c("123456789", 9), 0xE3069283U);
  const std::string zeros(32, '\0');
  EXPECT_EQ(crc32c(zeros.data(), zeros.size()), 0x8A9136AAU) << "RFC 3720, B.4";
}

TEST(Crc32c, MayBeFedInPieces) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    Crc32c crc;
    crc.add(text.data(), cut);
    crc.add(text.data() + cut, text.size() - cut);
    EXPECT_EQ(crc.value(), crc32c(text.data(), text.size())) << cut;
  }
}

}  // namespace
}  // namespace bpg
