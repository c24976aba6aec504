#include "bpg/wal/name.hpp"

#include <gtest/gtest.h>

namespace bpg::wal {
namespace {

constexpr uint64_t MB = 1 << 20;

TEST(WalFileName, HasFourKinds) {
  EXPECT_EQ(FileName::parse("000000010000000000000001")->kind, FileKind::segment);
  EXPECT_EQ(FileName::parse("00000002.history")->kind, FileKind::history);
  EXPECT_EQ(FileName::parse("000000010000000000000002.00000028.backup")->kind, FileKind::backup);
  const auto partial = FileName::parse("0000000A0000000B0000000C.partial");
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->kind, FileKind::partial);
  EXPECT_EQ(partial->timeline, 10U);
  EXPECT_EQ(partial->high, 11U);
  EXPECT_EQ(partial->low, 12U);
}

TEST(WalFileName, IsNothingElse) {
  for (const char* text :
       {"", "0", "00000001000000000000000", "0000000100000000000000011", "00000001000000000000000a", "000000010000000000000001 ",
        "000000000000000000000001", "00000000.history", "1.history", "00000002.History", "000000010000000000000001.PARTIAL",
        "000000010000000000000001.backup", "000000010000000000000001.0000028.backup", "000000010000000000000001.00000028",
        "000000010000000000000001.z", "../../../../../etc/passwd", "00000001/00000000000001", "RECOVERYXLOG"}) {
    EXPECT_FALSE(FileName::parse(text)) << text;
  }
}

TEST(WalFileName, IsNotASequenceOfNumbers) {
  for (const auto& [size, last] : {std::pair(16 * MB, "0000000100000000000000FF"), std::pair(1 * MB, "000000010000000000000FFF"),
                                   std::pair(64 * MB, "00000001000000000000003F"), std::pair(1024 * MB, "000000010000000000000003")}) {
    const auto number = FileName::parse(last)->number(size);
    ASSERT_TRUE(number);
    EXPECT_EQ(FileName::segment(1, *number, size).text, last);
    const auto next = FileName::segment(1, *number + 1, size);
    EXPECT_EQ(next.text, "000000010000000100000000");
    EXPECT_EQ(next, *FileName::parse(next.text));
    EXPECT_EQ(next.number(size), *number + 1);
  }
}

TEST(WalFileName, HasNoNumberWhereNoSegmentOfThatSizeHasTheName) {
  EXPECT_FALSE(FileName::parse("000000010000000000000100")->number(16 * MB));
  EXPECT_TRUE(FileName::parse("000000010000000000000100")->number(1 * MB));
  EXPECT_FALSE(FileName::parse("00000002.history")->number(16 * MB));
}

}  // namespace
}  // namespace bpg::wal
