#include "bpg/wal/search.hpp"

#include <gtest/gtest.h>

#include "wal/cluster_fixture.hpp"

namespace bpg::wal {
namespace {

using namespace std::chrono_literals;
using test::noon;
using test::WalBuilder;

class Search : public test::ClusterTest {
 protected:
  Search() : m_opened(make_archive()) {}

  void store() {
    add_segments(m_wal_bytes);
    for (size_t i = 0; i < m_wal_bytes.segments(); ++i) {
      push(FileName::segment(1, 1 + i, segment_size).text);
    }
    m_index = Index::read(m_opened);
  }
  SearchSpace space(Lsn from = Lsn{segment_size}) const { return {m_opened, m_index, History(1), from}; }
  std::optional<Lsn> commit_after(Time time, Lsn from = Lsn{segment_size}) {
    const auto found = find_commit_after(space(from), time);
    return found ? std::optional(found->start) : std::nullopt;
  }

  WalBuilder m_wal_bytes;
  Archive m_opened;
  Index m_index;
};

TEST_F(Search, FindsTheFirstLaterCommitInTheOrderOfTheWal) {
  m_wal_bytes.add_commit(1, noon);
  m_wal_bytes.add_switch();
  // Times go back: the first in the WAL counts, not the first in time.
  const Lsn late = m_wal_bytes.add_commit(2, noon + 5s);
  m_wal_bytes.add_commit(3, noon + 3s);
  m_wal_bytes.add_abort(4, noon + 20s);
  m_wal_bytes.add_switch();
  const Lsn last = m_wal_bytes.add_commit(5, noon + 9s);
  m_wal_bytes.add_switch();
  store();
  EXPECT_EQ(commit_after(noon - 1us), Lsn{segment_size + 40});
  EXPECT_EQ(commit_after(noon), late) << "later, not the same";
  EXPECT_EQ(commit_after(noon + 4s), late);
  EXPECT_EQ(commit_after(noon + 5s), last);
  EXPECT_EQ(commit_after(noon + 9s - 1us), last) << "to the microsecond";
  EXPECT_EQ(commit_after(noon + 9s), std::nullopt);
  EXPECT_EQ(commit_after(noon, Lsn{late.value + 1}), Lsn{round_up(late.value + 36, 8)}) << "not before `from`";
}

TEST_F(Search, FindsWhatChangesPreparedTransactions) {
  m_wal_bytes.add_prepare(1, noon - 1s);
  m_wal_bytes.add_switch();
  m_wal_bytes.add_commit(2, noon);
  m_wal_bytes.add_abort(3, noon + 1s);
  m_wal_bytes.add_switch();
  const Lsn prepared = m_wal_bytes.add_prepare(4, noon + 2s);
  m_wal_bytes.add_switch();
  const Lsn rolled_back = m_wal_bytes.add_prepared_end(false, 1, noon + 3s);
  const Lsn commit = m_wal_bytes.add_commit(5, noon + 4s);
  m_wal_bytes.add_switch();
  const Lsn last = m_wal_bytes.add_prepare(6, noon + 5s);
  m_wal_bytes.add_switch();
  store();
  EXPECT_EQ(find_change_after(space(), noon), prepared) << "nobody sees an abort";
  EXPECT_EQ(find_change_after(space(), noon + 2s), rolled_back) << "later, not the same";
  EXPECT_EQ(find_change_after(space(), noon + 3s), commit);
  EXPECT_EQ(find_change_after(space(), noon + 4s), last) << "also where no commit follows";
  EXPECT_EQ(find_change_after(space(), noon + 5s), std::nullopt);
  EXPECT_EQ(find_change_after(space(prepared), noon + 3s), commit) << "no commit before";
}

TEST_F(Search, FindsAPreparedTransactionBeforeACommitThatTookItsTimeEarlier) {
  m_wal_bytes.add_commit(1, noon);
  m_wal_bytes.add_switch();
  const Lsn prepared = m_wal_bytes.add_prepare(2, noon + 5s);
  m_wal_bytes.add_switch();
  m_wal_bytes.add_commit(3, noon + 4990ms);
  m_wal_bytes.add_switch();
  store();
  EXPECT_EQ(find_change_after(space(), noon + 4995ms), prepared);
}

TEST_F(Search, TellsAClockThatWentBackFromCommitsThatTakeTheirTime) {
  m_wal_bytes.add_commit(1, noon);
  m_wal_bytes.add_commit(2, noon + 10min);
  m_wal_bytes.add_commit(3, noon + 9min + 30s);
  m_wal_bytes.add_switch();
  m_wal_bytes.add_abort(4, noon + 1min);
  const Lsn jumped = m_wal_bytes.add_commit(5, noon + 5min);
  m_wal_bytes.add_switch();
  m_wal_bytes.add_commit(6, noon + 6min);
  m_wal_bytes.add_switch();
  store();
  const auto earlier = [&](Time time) {
    const auto later = find_commit_after(space(), time);
    const auto found = find_earlier_commit(space(later->start), time, later->what.time);
    return found ? std::optional(found->start) : std::nullopt;
  };
  EXPECT_EQ(earlier(noon), std::nullopt) << "nothing that is not later stands behind";
  EXPECT_EQ(earlier(noon + 5min - 1us), std::nullopt);
  EXPECT_EQ(earlier(noon + 5min), jumped);
  EXPECT_EQ(earlier(noon + 9min + 45s), jumped) << "the third commit only took its time";
}

TEST_F(Search, FindsTransactionsByAnyOfTheirNumbers) {
  const Lsn first = m_wal_bytes.add_commit(0xFFFFFFF0, noon, {0xFFFFFFF2, 5});
  m_wal_bytes.add_switch();
  const Lsn second = m_wal_bytes.add_prepared_end(true, 20, noon);
  const Lsn third = m_wal_bytes.add_abort(30, noon);
  m_wal_bytes.add_switch();
  store();
  EXPECT_EQ(find_transaction(space(), 0xFFFFFFF0)->start, first);
  EXPECT_EQ(find_transaction(space(), 5)->start, first) << "numbers go round";
  EXPECT_EQ(find_transaction(space(), 20)->start, second);
  EXPECT_EQ(find_transaction(space(), 21)->start, second) << "a part of a prepared one";
  EXPECT_EQ(find_transaction(space(), 30)->start, third);
  EXPECT_FALSE(find_transaction(space(), 30)->what.committed);
  EXPECT_FALSE(find_transaction(space(), 25));
  EXPECT_FALSE(find_transaction(space(), 4000));
}

TEST_F(Search, FindsTheFirstRestorePointOfAName) {
  m_wal_bytes.add_restore_point("before", noon);
  m_wal_bytes.add_switch();
  const Lsn second = m_wal_bytes.add_restore_point("a b", noon);
  m_wal_bytes.add_restore_point("a b", noon);
  m_wal_bytes.add_switch();
  // More than a head has room for.
  for (int i = 0; i < 50; ++i) {
    m_wal_bytes.add_restore_point("point " + std::to_string(i), noon);
  }
  const Lsn late = m_wal_bytes.add_restore_point("late", noon);
  m_wal_bytes.add_switch();
  store();
  EXPECT_EQ(find_restore_point(space(), "a b")->start, second);
  EXPECT_EQ(find_restore_point(space(), "late")->start, late);
  EXPECT_FALSE(find_restore_point(space(), "before the"));
  EXPECT_FALSE(find_restore_point(space(Lsn{second.value}), "before"));
}

/// A commit that begins in one segment and ends in the next is in the summary of neither.
TEST_F(Search, FindsWhatStraddlesTwoSegments) {
  for (const size_t room : {8, 16, 24, 32}) {
    fs::remove_all(m_archive);
    m_opened = make_archive();
    m_wal_bytes = WalBuilder();
    m_wal_bytes.fill_up_to(room);
    const size_t left = segment_size - m_wal_bytes.bytes().size() % segment_size;
    ASSERT_LE(left, room + 32);
    const Lsn straddler = m_wal_bytes.add_commit(50, noon, std::vector<uint32_t>(20, 51));
    m_wal_bytes.add_switch();
    store();
    ASSERT_EQ(m_wal_bytes.segments(), 2U);
    EXPECT_EQ(m_index.find_segment(1, 1)->head.summary->straddler, straddler) << room;
    EXPECT_EQ(m_index.find_segment(1, 1)->head.summary->commits + m_index.find_segment(1, 2)->head.summary->commits, 0U);
    EXPECT_EQ(commit_after(noon - 1s), straddler);
    EXPECT_EQ(find_transaction(space(), 51)->start, straddler);
  }
}

TEST_F(Search, EndsAtAGap) {
  for (uint32_t xid = 1; xid <= 4; ++xid) {
    m_wal_bytes.add_commit(xid, noon + std::chrono::seconds(xid));
    m_wal_bytes.add_switch();
  }
  store();
  ASSERT_TRUE(commit_after(noon + 3s));
  EXPECT_EQ(reach_of(m_index, History(1), Lsn{segment_size}).end, Lsn{5 * segment_size});
  fs::remove(stored("000000010000000000000003"));
  m_index = Index::read(m_opened);
  EXPECT_FALSE(commit_after(noon + 3s));
  const Reach reach = reach_of(m_index, History(1), Lsn{segment_size});
  EXPECT_EQ(reach.end, Lsn{3 * segment_size});
  EXPECT_EQ(reach.first_missing->text, "000000010000000000000003");
  const auto ranges = m_index.ranges();
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].first, 1U);
  EXPECT_EQ(ranges[0].last, 2U);
  EXPECT_EQ(ranges[1].first, 4U);
}

TEST_F(Search, CountsADamagedFileAsMissing) {
  m_wal_bytes.add_switch();
  m_wal_bytes.add_switch();
  store();
  fs::permissions(stored("000000010000000000000002"), fs::perms::owner_all);
  write(stored("000000010000000000000002"), "torn");
  m_index = Index::read(m_opened);
  ASSERT_EQ(m_index.damaged().size(), 1U);
  EXPECT_EQ(reach_of(m_index, History(1), Lsn{segment_size}).first_missing->text, "000000010000000000000002");
}

TEST_F(Search, FollowsASwitchOfTimelines) {
  m_wal_bytes.add_commit(1, noon);
  m_wal_bytes.add_switch();
  const Lsn fork = m_wal_bytes.add_commit(2, noon + 1s);
  WalBuilder other = m_wal_bytes;
  m_wal_bytes.add_commit(3, noon + 2s);
  m_wal_bytes.add_switch();
  add_segments(m_wal_bytes);
  other.set_timeline(2);
  other.fill_up_to(500'000);
  const Lsn on_two = other.add_commit(4, noon + 3s);
  other.add_switch();
  const Lsn left{fork.value + 40};
  write(m_wal / "00000002.history", "1\t" + left.str() + "\tx\n");
  add_segment("000000020000000000000002", other.segment(1));
  for (const char* name : {"000000010000000000000001", "000000010000000000000002", "00000002.history", "000000020000000000000002"}) {
    push(name);
  }
  m_index = Index::read(m_opened);
  const History history = history_of(m_opened, 2);
  EXPECT_EQ(history.ancestors().at(0).end, left);
  const SearchSpace two{m_opened, m_index, history, Lsn{segment_size}};
  EXPECT_EQ(find_commit_after(two, noon + 1s)->start, on_two);
  EXPECT_EQ(find_commit_after(space(), noon + 1s)->what.xid, 3U);
  EXPECT_EQ(reach_of(m_index, history, Lsn{segment_size}).end, Lsn{3 * segment_size});
}

}  // namespace
}  // namespace bpg::wal
