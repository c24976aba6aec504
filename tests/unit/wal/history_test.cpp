#include "bpg/wal/history.hpp"

#include <gtest/gtest.h>

namespace bpg::wal {
namespace {

TEST(WalHistory, TellsWhichTimelineHoldsWhat) {
  const auto history = History::parse("1\t0/3000100\tno recovery target specified\n\n2\t0/5000000\tbefore 2000-01-01\n", 4);
  ASSERT_TRUE(history);
  ASSERT_EQ(history->ancestors().size(), 2U);
  EXPECT_EQ(history->timeline_at(Lsn{0x30000FF}), 1U);
  EXPECT_EQ(history->timeline_at(Lsn{0x3000100}), 2U);
  EXPECT_EQ(history->timeline_at(Lsn{0x4FFFFFF}), 2U);
  EXPECT_EQ(history->timeline_at(Lsn{0x5000000}), 4U);
}

TEST(WalHistory, ReadsASegmentWithASwitchFromTheNewTimeline) {
  constexpr uint64_t size = 16 << 20;
  const auto history = History::parse("1\t0/3000100\tx\n2\t0/5000000\tx\n", 3);
  ASSERT_TRUE(history);
  EXPECT_EQ(history->timeline_of_segment(2, size), 1U);
  EXPECT_EQ(history->timeline_of_segment(3, size), 2U);
  EXPECT_EQ(history->timeline_of_segment(4, size), 2U) << "the switch is at the boundary: the old one is complete";
  EXPECT_EQ(history->timeline_of_segment(5, size), 3U);
}

TEST(WalHistory, IsNoneWhereParentsAreNotOlder) {
  for (const char* text : {"", "\n", "x", "1", "1 0/3000000 x", "2\t0/3000000\tx", "3\t0/3000000\tx", "1\tzero\tx",
                           "1\t0/3000000\tx\n1\t0/4000000\tx"}) {
    EXPECT_FALSE(History::parse(text, 2)) << text;
  }
  EXPECT_TRUE(History::parse("1\t0/3000000", 2)) << "PostgreSQL asks for no reason";
}

TEST(WalHistory, OfTheFirstTimelineIsEmpty) { EXPECT_EQ(History(1).timeline_at(Lsn{5}), 1U); }

}  // namespace
}  // namespace bpg::wal
