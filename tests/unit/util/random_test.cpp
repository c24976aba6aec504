#include "bpg/util/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace bpg {
namespace {

TEST(RandomText, HasTheLengthAndTheAlphabet) {
  EXPECT_EQ(random_text(0, "ab"), "");
  EXPECT_EQ(random_text(300, "x"), std::string(300, 'x'));
  const std::string text = random_text(200, "abc");
  EXPECT_EQ(text.size(), 200U);
  EXPECT_EQ(text.find_first_not_of("abc"), std::string::npos);
}

TEST(RandomText, DoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(random_text(16, "0123456789abcdef")).second);
  }
}

TEST(RandomText, DrawsEvenly) {
  // 200 does not divide 256: without care the first 56 characters would come twice as often.
  std::string alphabet;
  for (int i = 0; i < 200; ++i) {
    alphabet += static_cast<char>(i);
  }
  size_t low = 0;
  const std::string text = random_text(200'000, alphabet);
  for (const char c : text) {
    low += static_cast<unsigned char>(c) < 56 ? 1U : 0U;
  }
  EXPECT_NEAR(static_cast<double>(low) / static_cast<double>(text.size()), 56.0 / 200, 0.01);
}

}  // namespace
}  // namespace bpg
