#include "bpg/wal/head.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "bpg/wal/lines.hpp"

namespace bpg::wal {
namespace {

const Time noon{std::chrono::microseconds(1'790'000'000'123'456)};

Head full_head() {
  Head head{.name = *FileName::parse("000000010000000000000002"), .codec = Codec::lz4, .size = 16 << 20,
            .hash = std::string(32, 'a'), .boot = "b"};
  head.source = SourceMark{1, 2, -3, INT64_MAX};
  Summary summary;
  summary.first_record = Lsn{0x2000028};
  summary.last_record = Lsn{0x2FFFF00};
  summary.end = Lsn{0x3000000};
  summary.commits = 7;
  summary.aborts = 1;
  summary.commit_times = Summary::Times{noon, noon + std::chrono::microseconds(1)};
  summary.xids = Summary::Xids{4294967290, 5};
  summary.restore_points = {{Lsn{1}, Lsn{2}, noon, "a name\nwith % everything \xC3\xA9"}};
  summary.switched = true;
  summary.straddler = Lsn{0x2FFFFF0};
  summary.broken_at = Lsn{0x2FFFFF8};
  head.summary = summary;
  return head;
}

TEST(WalHead, SaysItAllAgain) {
  const Head head = full_head();
  const std::string bytes = head.encode();
  EXPECT_EQ(bytes.size(), Head::stored_size);
  const auto again = Head::decode(bytes + "the frame");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->name, head.name);
  EXPECT_EQ(again->codec, head.codec);
  EXPECT_EQ(again->size, head.size);
  EXPECT_EQ(again->hash, head.hash);
  EXPECT_EQ(again->boot, head.boot);
  EXPECT_EQ(again->source, head.source);
  EXPECT_EQ(again->summary, head.summary);
  EXPECT_TRUE(again->restore_points_complete);
}

TEST(WalHead, KeepsTheRestorePointsThatItHasRoomForAndSaysSo) {
  Head head = full_head();
  for (int i = 0; i < 100; ++i) {
    head.summary->restore_points.push_back({Lsn{1}, Lsn{2}, noon, std::string(63, ' ')});
  }
  const auto again = Head::decode(head.encode());
  ASSERT_TRUE(again && again->summary);
  EXPECT_FALSE(again->restore_points_complete);
  EXPECT_GE(again->summary->restore_points.size(), 1U);
  EXPECT_EQ(again->summary->restore_points[0], head.summary->restore_points[0]);
}

TEST(WalHead, OfOtherFilesHasNoSummary) {
  Head head{.name = *FileName::parse("00000002.history"), .size = 40, .hash = "00"};
  const auto again = Head::decode(head.encode());
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->summary);
  EXPECT_FALSE(again->source);
}

TEST(WalHead, IsRefusedWhereAnythingInItIsChanged) {
  const std::string bytes = full_head().encode();
  const size_t end = bytes.find('\0', 8);
  for (size_t at = 0; at < end; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(Head::decode(damaged)) << at;
  }
  EXPECT_FALSE(Head::decode(bytes.substr(0, bytes.size() - 1)));
  EXPECT_FALSE(Head::decode(std::string(Head::stored_size, '\0')));
}

TEST(WalLines, EscapeWhateverANameHolds) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) {
    all += static_cast<char>(byte);
  }
  EXPECT_EQ(unescape(escape(all)), all);
  EXPECT_EQ(escape("a b"), "a%20b");
  EXPECT_EQ(unescape("%"), "%");
  EXPECT_EQ(unescape("%4"), "%4");
  EXPECT_EQ(unescape("%zz"), "%zz");
}

TEST(WalLines, NeedTheirSeal) {
  Lines lines;
  lines.add("key", "value with blanks");
  lines.add("key", 7);
  const std::string text = lines.seal();
  const auto again = Lines::parse(text + std::string(100, '\0'));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->find_all("key"), (std::vector<std::string_view>{"value with blanks", "7"}));
  EXPECT_FALSE(again->find("other"));
  EXPECT_FALSE(Lines::parse(text.substr(0, text.size() - 1)));
  EXPECT_FALSE(Lines::parse("key value\n"));
  EXPECT_FALSE(Lines::parse("key value\ncrc32c 00000000\n"));
}

}  // namespace
}  // namespace bpg::wal
