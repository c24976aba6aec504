#include "bpg/postgres/data_directory.hpp"

#include <gtest/gtest.h>

#include "bpg/util/error.hpp"

namespace bpg::postgres {
namespace {

TEST(WalSegmentSize, IsAPowerOfTwoFromOneMegabyteToOneGigabyte) {
  EXPECT_EQ(parse_wal_segment_size("1MB"), uint64_t{1} << 20);
  EXPECT_EQ(parse_wal_segment_size("64M"), uint64_t{64} << 20);
  EXPECT_EQ(parse_wal_segment_size("1048576"), uint64_t{1} << 20);
  EXPECT_EQ(parse_wal_segment_size("1024MB"), parse_wal_segment_size("1GB"));
  for (const char* text : {"", "0", "16", "512kB", "3MB", "48MB", "2GB", "-1MB", "1.5GB", "MB", "16MB ", "16 MB", "much"}) {
    EXPECT_THROW(parse_wal_segment_size(text), Error) << text;
  }
}

}  // namespace
}  // namespace bpg::postgres
