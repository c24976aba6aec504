#include "bpg/wal/get.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "wal/cluster_fixture.hpp"

namespace bpg::wal {
namespace {

using test::error_of;
using test::some_segments;

class Get : public test::ClusterTest {
 protected:
  Get() { make_archive(); }

  static std::string name_of(uint64_t number) { return FileName::segment(1, number, segment_size).text; }

  void store(size_t segments) {
    add_segments(some_segments(segments));
    for (size_t i = 1; i <= segments; ++i) {
      push(name_of(i));
    }
  }
  void expect(uint64_t number) {
    fs::remove(m_destination);
    ASSERT_EQ(get(name_of(number)), GetResult::restored);
    EXPECT_TRUE(read_file(m_destination) == read_file(m_wal / name_of(number))) << number;
  }
  size_t fetched() const {
    size_t found = 0;
    if (fs::exists(m_spool)) {
      for (const auto& entry : fs::directory_iterator(m_spool)) {
        found += entry.path().filename() != "progress";
      }
    }
    return found;
  }
  fs::path fetched_file() const {
    for (const auto& entry : fs::directory_iterator(m_spool)) {
      if (entry.path().filename() != "progress") {
        return entry.path();
      }
    }
    return {};
  }
};

TEST_F(Get, FetchesAheadOfAReaderInOrderMoreAndMore) {
  store(20);
  expect(1);
  EXPECT_EQ(fetched(), 1U) << "who asks for one may ask for no other";
  expect(2);
  EXPECT_EQ(fetched(), 0U);
  expect(3);
  EXPECT_EQ(fetched(), 2U);
  for (uint64_t number = 4; number <= 6; ++number) {
    expect(number);
  }
  EXPECT_EQ(fetched(), 4U);
  for (uint64_t number = 7; number <= 20; ++number) {
    expect(number);
    EXPECT_LE(fetched(), 8U);
  }
  EXPECT_EQ(get(name_of(21)), GetResult::absent);
  EXPECT_FALSE(fs::exists(m_spool)) << "it is removed when recovery has seen the end";
}

TEST_F(Get, ThrowsAwayWhatWasFetchedWhereRecoveryJumps) {
  store(20);
  for (uint64_t number = 1; number <= 3; ++number) {
    expect(number);
  }
  EXPECT_EQ(fetched(), 2U);
  expect(15);
  EXPECT_EQ(fetched(), 1U);
}

TEST_F(Get, EndsTheSpoolWithAHistory) {
  store(3);
  expect(1);
  EXPECT_TRUE(fs::exists(m_spool));
  EXPECT_EQ(get("00000002.history"), GetResult::absent);
  EXPECT_FALSE(fs::exists(m_spool));
}

TEST_F(Get, NeverServesADamagedFetchedSegment) {
  store(4);
  expect(1);
  const fs::path file = fetched_file();
  std::string bytes = read_file(file);
  bytes[700'000] = static_cast<char>(bytes[700'000] ^ 1);
  write(file, bytes);
  expect(2);
  expect(1);
  fs::resize_file(fetched_file(), 1000);
  expect(2);
}

TEST_F(Get, NeverServesWhatWasFetchedFromAnotherArchive) {
  store(2);
  expect(1);
  // A clone takes its parent's pg_wal along, and the spool in it.
  fs::remove_all(m_archive);
  make_archive();
  test::WalBuilder other;
  other.add_other(100);
  other.add_switch();
  other.add_other(77);
  other.add_switch();
  add_segments(other);
  push(name_of(1));
  expect(2);
}

TEST_F(Get, GoesOnWhereTheSpoolCannotBeWritten) {
  store(3);
  write(m_spool, "a file");
  for (uint64_t number = 1; number <= 3; ++number) {
    expect(number);
    write(m_spool, "a file");
  }
}

TEST_F(Get, SaysAbsentOnlyOfAnArchiveThatItCanRead) {
  store(1);
  EXPECT_EQ(get(name_of(2)), GetResult::absent);
  EXPECT_EQ(get("0000000200000007000000FF"), GetResult::absent);
  fs::rename(m_archive / "archive", m_archive / "elsewhere");
  EXPECT_EQ(error_of([&] { get(name_of(2)); }).code(), ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { get(name_of(1)); }).code(), ErrorCode::not_found);
  fs::rename(m_archive, m_directory / "gone");
  EXPECT_EQ(error_of([&] { get(name_of(2)); }).code(), ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { get("nonsense"); }).code(), ErrorCode::usage);
}

TEST_F(Get, DoesNotTakeAFileInTheWayForAbsence) {
  store(1);
  fs::rename(m_archive / "0000000100000000", m_archive / "moved");
  write(m_archive / "0000000100000000", "x");
  EXPECT_THROW(get(name_of(1)), Error);
}

TEST_F(Get, LeavesNothingOfADamagedSegment) {
  store(1);
  ::chmod(stored(name_of(1)).c_str(), 0600);
  const std::string whole = read_file(stored(name_of(1)));
  for (const size_t length : {whole.size() - 1, whole.size() / 2, size_t{1024}, size_t{100}, size_t{0}}) {
    write(stored(name_of(1)), whole.substr(0, length));
    EXPECT_EQ(error_of([&] { get(name_of(1)); }).code(), ErrorCode::storage) << length;
    EXPECT_FALSE(fs::exists(m_destination));
  }
  write(stored(name_of(1)), whole + "more");
  EXPECT_EQ(error_of([&] { get(name_of(1)); }).code(), ErrorCode::storage);
}

TEST_F(Get, RefusesAFileThatStandsUnderAnotherName) {
  store(2);
  fs::rename(stored(name_of(1)), stored(name_of(2)));
  EXPECT_EQ(error_of([&] { get(name_of(2)); }).code(), ErrorCode::storage);
}

class GetFromAncestor : public Get {
 protected:
  GetFromAncestor() {
    store(3);
    write(m_wal / "00000002.history", "1\t0/380000\tx\n");
    write(m_wal / "00000003.history", "1\t0/380000\tx\n");
    push("00000002.history");
    push("00000003.history");
    Archive::create(m_own, {.system_identifier = system_identifier, .segment_size = segment_size});
  }
  GetResult get_with(const std::string& name, const Ancestor& ancestor) {
    return wal::get({.archive = m_own, .ancestors = {ancestor}, .name = name, .destination = m_destination});
  }
  fs::path m_own = m_directory / "own";
};

TEST_F(GetFromAncestor, SeesWhatWasWrittenBeforeTheFork) {
  const Ancestor ancestor{.archive = m_archive, .timeline = 2, .fork = Lsn{0x300000}};
  EXPECT_EQ(get_with(name_of(1), ancestor), GetResult::restored);
  EXPECT_EQ(get_with(name_of(2), ancestor), GetResult::restored) << "it ends at the fork";
  EXPECT_EQ(get_with(name_of(3), ancestor), GetResult::absent);
  const Ancestor later{.archive = m_archive, .timeline = 2, .fork = Lsn{0x300001}};
  EXPECT_EQ(get_with(name_of(3), later), GetResult::absent) << "beyond the fork it is somebody else's";
}

TEST_F(GetFromAncestor, DoesNotSeeForeignHistories) {
  const Ancestor ancestor{.archive = m_archive, .timeline = 2, .fork = Lsn{0x300000}};
  EXPECT_EQ(get_with("00000002.history", ancestor), GetResult::restored);
  EXPECT_EQ(get_with("00000003.history", ancestor), GetResult::absent);
}

TEST_F(GetFromAncestor, SaysNothingWhereItCannotBeRead) {
  const Ancestor ancestor{.archive = m_directory / "nowhere", .timeline = 1, .fork = Lsn{0x300000}};
  EXPECT_EQ(error_of([&] { get_with(name_of(1), ancestor); }).code(), ErrorCode::not_found);
}

TEST(WalAncestor, IsReadFromAnOption) {
  const auto ancestor = Ancestor::parse("2:0/3000000:/a:b/c");
  ASSERT_TRUE(ancestor);
  EXPECT_EQ(ancestor->timeline, 2U);
  EXPECT_EQ(ancestor->fork, Lsn{0x3000000});
  EXPECT_EQ(ancestor->archive, "/a:b/c");
  for (const char* text : {"", "2", "2:0/3", "2:0/3:", "x:0/3:/a", "2:3:/a", ":0/3:/a"}) {
    EXPECT_FALSE(Ancestor::parse(text)) << text;
  }
}

}  // namespace
}  // namespace bpg::wal
