#include "bpg/wal/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "wal/wal_builder.hpp"

namespace bpg::wal {
namespace {

using test::bytes_of;
using test::WalBuilder;
using testing::HasSubstr;

struct Read {
  std::vector<Lsn> starts;
  std::vector<Lsn> ends;
  std::optional<Reader::Problem> problem;
  std::optional<OpenRecord> open;
  Lsn end;
};

Read read(Lsn start, const std::string& bytes, size_t piece = 1 << 20, uint64_t segment_size = 1 << 20) {
  Read result;
  Reader reader(start, segment_size, [&](const Record& record) {
    result.starts.push_back(record.start);
    result.ends.push_back(record.end);
  });
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes_of(bytes).subspan(at, std::min(piece, bytes.size() - at)));
  }
  result.problem = reader.problem();
  result.open = reader.open_record();
  result.end = reader.end();
  return result;
}

TEST(WalReader, FindsEveryRecordAcrossPagesAndSegments) {
  for (const uint64_t size : {uint64_t{1} << 20, uint64_t{16} << 20}) {
    WalBuilder wal({.segment_size = size});
    std::mt19937 random(7);
    std::vector<Lsn> starts;
    while (wal.segments() < 2) {
      starts.push_back(wal.add_other(random() % 20000));
    }
    starts.push_back(wal.add_switch());
    for (const size_t piece : {size_t{4096} + 13, size_t{1} << 17}) {
      const Read result = read(wal.start(), wal.bytes(), piece, size);
      EXPECT_FALSE(result.problem);
      EXPECT_FALSE(result.open);
      EXPECT_EQ(result.starts, starts);
      EXPECT_EQ(result.end, wal.position());
    }
  }
}

TEST(WalReader, GivesTheSameWhateverThePieces) {
  WalBuilder wal;
  for (int i = 0; i < 3000; ++i) {
    wal.add_other(static_cast<size_t>(i % 700));
  }
  wal.add_switch();
  const Read whole = read(wal.start(), wal.bytes());
  EXPECT_EQ(whole.starts.size(), 3001U);
  for (const size_t piece : {1, 7, 24, 40, 8191, 8192, 8193, 100000}) {
    const Read result = read(wal.start(), wal.bytes(), piece);
    EXPECT_EQ(result.starts, whole.starts) << piece;
    EXPECT_EQ(result.ends, whole.ends) << piece;
  }
}

TEST(WalReader, BeginsAtAnySegmentBehindWhatIsLeftOfARecord) {
  WalBuilder wal;
  const Lsn large = wal.add_other(3 << 20);
  const Lsn next = wal.add_other(100);
  wal.add_switch();
  ASSERT_GE(wal.segments(), 4U);
  const Read from_start = read(wal.start(), wal.bytes());
  ASSERT_EQ(from_start.starts.size(), 3U);
  EXPECT_EQ(from_start.starts[0], large);
  for (size_t segment = 1; segment <= 3; ++segment) {
    const Lsn start{wal.start().value + (segment << 20)};
    const Read result = read(start, wal.bytes().substr(segment << 20));
    ASSERT_FALSE(result.problem) << result.problem->reason;
    ASSERT_EQ(result.starts.size(), 2U) << segment;
    EXPECT_EQ(result.starts[0], next);
  }
}

TEST(WalReader, TellsARecordThatGoesOnBehindTheLastByte) {
  WalBuilder wal;
  wal.add_other(100);
  const Lsn large = wal.add(Record::xact, 0, 9, std::string(2 << 20, 'x'));
  const Read result = read(wal.start(), wal.segment(0));
  EXPECT_FALSE(result.problem);
  ASSERT_TRUE(result.open);
  EXPECT_EQ(result.open->start, large);
  EXPECT_EQ(result.open->resource_manager, Record::xact);
}

TEST(WalReader, GoesOnInTheSegmentBehindASwitch) {
  WalBuilder wal;
  wal.add_other(100);
  wal.add_switch();
  const Lsn next = wal.add_other(10);
  wal.add_switch();
  const Read result = read(wal.start(), wal.bytes());
  EXPECT_FALSE(result.problem);
  ASSERT_EQ(result.starts.size(), 4U);
  EXPECT_EQ(result.ends[1], Lsn{2U << 20}) << "a switch takes the rest of the segment";
  EXPECT_EQ(result.starts[2], next);
  EXPECT_EQ(result.end, Lsn{3U << 20});
}

TEST(WalReader, PassesOverARecordThatACrashLeftBroken) {
  WalBuilder wal;
  const Lsn first = wal.add_other(100);
  wal.add_other(10000);
  // The record is cut at the end of the page, and the next page says that it was overwritten.
  wal.bytes().resize(8192);
  std::string page = wal.bytes().substr(0, 24);
  const uint16_t flags = 0x0008;
  const uint64_t address = wal.start().value + 8192;
  const uint32_t none = 0;
  std::memcpy(page.data() + 2, &flags, 2);
  std::memcpy(page.data() + 8, &address, 8);
  std::memcpy(page.data() + 16, &none, 4);
  std::string record(24, '\0');
  const uint32_t length = 24;
  std::memcpy(record.data(), &length, 4);
  std::memcpy(record.data() + 8, &first.value, 8);
  record[16] = static_cast<char>(0xD0);
  const uint32_t crc = crc32c(record.data(), 20);
  std::memcpy(record.data() + 20, &crc, 4);
  std::string bytes = wal.bytes() + page + record;
  bytes.resize(16384, '\0');
  const Read result = read(wal.start(), bytes);
  ASSERT_EQ(result.starts.size(), 2U);
  EXPECT_EQ(result.starts[1], Lsn{address + 24});
}

class BrokenWal : public testing::Test {
 protected:
  BrokenWal() {
    for (int i = 0; i < 1000; ++i) {
      m_starts.push_back(m_wal.add_other(300));
    }
    m_wal.add_switch();
  }
  Read read_broken(size_t at, char change) {
    std::string bytes = m_wal.bytes();
    bytes[at] = static_cast<char>(bytes[at] ^ change);
    return read(m_wal.start(), bytes);
  }
  size_t offset(size_t record) const { return m_starts[record].value - m_wal.start().value; }

  WalBuilder m_wal;
  std::vector<Lsn> m_starts;
};

TEST_F(BrokenWal, EndsAtTheRecordThatIsDamaged) {
  for (const size_t record : {size_t{0}, size_t{100}, size_t{999}}) {
    // length, xid, back link, info, checksum, body
    for (const size_t field : {0, 1, 4, 8, 16, 20, 30, 323}) {
      const Read result = read_broken(offset(record) + field, 4);
      ASSERT_TRUE(result.problem) << record << " " << field;
      EXPECT_LE(result.starts.size(), record + 1);
      EXPECT_LE(result.problem->at, Lsn{m_starts[record].value + 400});
    }
  }
}

TEST_F(BrokenWal, EndsAtAPageOfAnotherPlace) {
  const Read result = read_broken(3 * 8192 + 9, 1);
  ASSERT_TRUE(result.problem);
  EXPECT_THAT(result.problem->reason, HasSubstr("says that it is at"));
  EXPECT_EQ(result.problem->at, Lsn{m_wal.start().value + 3 * 8192});
}

TEST_F(BrokenWal, EndsWhereItWasCutOff) {
  std::string bytes = m_wal.bytes();
  std::fill(bytes.begin() + 100000, bytes.end(), '\0');
  const Read result = read(m_wal.start(), bytes);
  ASSERT_TRUE(result.problem);
  EXPECT_LE(result.problem->at.value, m_wal.start().value + 100000);
  EXPECT_GE(result.starts.size(), 290U);
}

TEST_F(BrokenWal, IsNoWalAtAll) {
  for (const std::string& bytes : {std::string(1 << 20, '\0'), std::string(1 << 20, '\xFF'), std::string(100, 'x')}) {
    const Read result = read(m_wal.start(), bytes);
    ASSERT_TRUE(result.problem);
    EXPECT_TRUE(result.starts.empty());
  }
  EXPECT_FALSE(read(m_wal.start(), "").problem);
  EXPECT_FALSE(read(m_wal.start(), std::string(39, '\0')).problem) << "too little to tell";
}

TEST_F(BrokenWal, RefusesTheWrongSegmentSize) {
  EXPECT_TRUE(read(m_wal.start(), m_wal.bytes(), 1 << 20, 16 << 20).problem);
}

/// No input makes it read beyond what it was fed (the sanitizers watch), loop, throw, or tell of records that are not there.
TEST_F(BrokenWal, NeverLeadsAstray) {
  std::mt19937 random(11);
  const Read good = read(m_wal.start(), m_wal.bytes());
  for (int round = 0; round < 300; ++round) {
    std::string bytes = m_wal.bytes().substr(0, 400000);
    const size_t changes = 1 + random() % 5;
    for (size_t i = 0; i < changes; ++i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const Read result = read(m_wal.start(), bytes, 1 + random() % 50000);
    EXPECT_TRUE(std::equal(result.starts.begin(), result.starts.end(), good.starts.begin()));
  }
}

}  // namespace
}  // namespace bpg::wal
