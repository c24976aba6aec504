#include "bpg/wal/source_mark.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace bpg::wal {
namespace {

TEST(WalSourceMark, IsWrittenAndRead) {
  const SourceMark mark{.inode = 7, .size = 16 << 20, .modified = -5, .changed = INT64_MAX};
  EXPECT_EQ(SourceMark::parse(mark.str()), mark);
  for (const char* text : {"", "1 2 3", "1 2 3 4 5", "1 2 3 x", "-1 2 3 4"}) {
    EXPECT_FALSE(SourceMark::parse(text)) << text;
  }
}

TEST(WalSourceMark, IsNotTrustedWhereTheFileJustChangedOrTheClockWentBack) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const int64_t here = int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  constexpr int64_t second = 1'000'000'000;
  EXPECT_TRUE((SourceMark{.modified = here - 3600 * second, .changed = here - second}).is_settled());
  EXPECT_FALSE((SourceMark{.modified = here - 3600 * second, .changed = here}).is_settled());
  EXPECT_FALSE((SourceMark{.modified = here, .changed = here - second}).is_settled());
  EXPECT_FALSE((SourceMark{.modified = here - second, .changed = here + 3600 * second}).is_settled());
}

}  // namespace
}  // namespace bpg::wal
