#include "bpg/core/lsn.hpp"

#include <gtest/gtest.h>

namespace bpg {
namespace {

TEST(Lsn, ReadsWhatPostgresAndItselfWrite) {
  EXPECT_EQ(Lsn::parse("0/953F5508"), Lsn{0x953F5508});
  EXPECT_EQ(Lsn::parse("16/B374D848"), (Lsn{0x16'B374D848}));
  EXPECT_EQ(Lsn::parse("0/28"), Lsn{0x28}) << "PostgreSQL before 19 writes no leading zeros";
  EXPECT_EQ(Lsn::parse("a/ff"), Lsn{0xA'000000FF});
  EXPECT_EQ(Lsn::parse("FFFFFFFF/FFFFFFFF"), Lsn{UINT64_MAX});
  for (const uint64_t value : {uint64_t{0}, uint64_t{0x28}, uint64_t{1} << 32, UINT64_MAX}) {
    EXPECT_EQ(Lsn::parse(Lsn{value}.str()), Lsn{value});
  }
}

TEST(Lsn, IsWrittenInTwoHalves) {
  EXPECT_EQ(Lsn{0x953F5508}.str(), "0/953F5508");
  EXPECT_EQ((Lsn{0x16'B374D848}).str(), "16/B374D848");
}

TEST(Lsn, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "0", "0/", "/0", "0/0/0", "0/G", "0x1/0", "-1/0", "0/ 1", " 0/1", "0/1 ",
                           "100000000/0", "0/123456789", "000000000/1"}) {
    EXPECT_EQ(Lsn::parse(text), std::nullopt) << text;
  }
}

TEST(Lsn, IsOrdered) { EXPECT_LT(*Lsn::parse("0/FFFFFFFF"), *Lsn::parse("1/0")); }

constexpr uint64_t MB = 1 << 20;

TEST(SegmentName, IsTimelineAndPosition) {
  EXPECT_EQ(segment_name(1, segment_of(*Lsn::parse("0/1000000"), 16 * MB), 16 * MB), "000000010000000000000001");
  EXPECT_EQ(segment_name(0xAB, segment_of(*Lsn::parse("2F/3C0000AA"), 16 * MB), 16 * MB), "000000AB0000002F0000003C");
}

TEST(SegmentName, WrapsWhereTheSegmentsOfOneFourGigabytesEnd) {
  struct Size {
    uint64_t bytes;
    const char* last;
  };
  for (const auto& [bytes, last] : {Size{1 * MB, "000000010000000000000FFF"}, Size{16 * MB, "0000000100000000000000FF"},
                                    Size{64 * MB, "00000001000000000000003F"},
                                    Size{1024 * MB, "000000010000000000000003"}}) {
    const uint64_t number = segment_of(*Lsn::parse("0/FFFFFFFF"), bytes);
    EXPECT_EQ(segment_name(1, number, bytes), last);
    EXPECT_EQ(segment_name(1, number + 1, bytes), "000000010000000100000000");
    EXPECT_EQ(segment_of(*Lsn::parse("1/0"), bytes), number + 1);
  }
}

TEST(LastSegment, OfWalThatEndsOnABoundaryIsTheOneBefore) {
  EXPECT_EQ(last_segment_before(*Lsn::parse("0/3000000"), 16 * MB), 2U);
  EXPECT_EQ(last_segment_before(*Lsn::parse("0/3000001"), 16 * MB), 3U);
  EXPECT_EQ(segment_name(1, last_segment_before(*Lsn::parse("1/0"), 16 * MB), 16 * MB), "0000000100000000000000FF");
}

}  // namespace
}  // namespace bpg
