#include "bpg/wal/prune.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bpg/wal/gaps.hpp"
#include "wal/cluster_fixture.hpp"

namespace bpg::wal {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::IsEmpty;

/// An archive of files whose content does not matter.
class Prune : public test::ClusterTest {
 protected:
  Prune() : m_made(make_archive()) {}

  void add(const std::string& name) {
    const auto parsed = FileName::parse(name).value();
    fs::create_directories(m_made.directory_of(parsed));
    write(m_made.path_of(parsed), "1234567890");
  }
  static std::string segment(uint64_t number, uint32_t timeline = 1) { return segment_name(timeline, number, segment_size); }
  void add_segments_from_to(uint64_t first, uint64_t last) {
    for (uint64_t number = first; number <= last; ++number) {
      add(segment(number));
    }
  }
  std::vector<std::string> left() const { return texts(m_made.list()); }
  static std::vector<std::string> texts(const std::vector<FileName>& names) {
    std::vector<std::string> all;
    for (const FileName& name : names) {
      all.push_back(name.text);
    }
    return all;
  }

  Archive m_made;
};

TEST_F(Prune, RemovesWhatIsBeforeTheCutAndSaysHowMuch) {
  add_segments_from_to(1, 6);
  const Prunable gone = prune(m_made, {.timeline = 1, .first_kept = 4});
  EXPECT_EQ(gone.segments, 3U);
  EXPECT_EQ(gone.bytes, 30U);
  EXPECT_THAT(left(), ElementsAre(segment(4), segment(5), segment(6)));
  EXPECT_EQ(kept_from(m_made), 4U);
}

TEST_F(Prune, RemovesNothingWhereItIsOnlyAsked) {
  add_segments_from_to(1, 3);
  const Prunable would_go = prunable(m_made, {.timeline = 1, .first_kept = 3});
  EXPECT_THAT(texts(would_go.files), ElementsAre(segment(1), segment(2)));
  EXPECT_EQ(left().size(), 3U);
  EXPECT_EQ(kept_from(m_made), 0U);
}

TEST_F(Prune, MayBeRepeatedAndNeverBringsTheBeginningBack) {
  add_segments_from_to(1, 6);
  prune(m_made, {.timeline = 1, .first_kept = 4});
  EXPECT_THAT(prune(m_made, {.timeline = 1, .first_kept = 4}).files, IsEmpty());
  EXPECT_THAT(prune(m_made, {.timeline = 1, .first_kept = 2}).files, IsEmpty());
  EXPECT_EQ(kept_from(m_made), 4U);
}

TEST_F(Prune, CountsAcrossTheEndOfADirectory) {
  add_segments_from_to(4094, 4098);  // 4,096 segments of 1 MB are 4 GB
  prune(m_made, {.timeline = 1, .first_kept = 4097});
  EXPECT_THAT(left(), ElementsAre(segment(4097), segment(4098)));
}

TEST_F(Prune, GoesByTheNumberAlsoOnTimelinesThatLedHere) {
  add(segment(1));
  add(segment(5));
  add(segment(2, 2));
  add(segment(6, 2));
  add(segment(3, 3));
  EXPECT_THAT(texts(prune(m_made, {.timeline = 2, .first_kept = 4}).files), ElementsAre(segment(1), segment(2, 2)));
  EXPECT_THAT(left(), ElementsAre(segment(5), segment(6, 2), segment(3, 3))) << "a later timeline is not this line of history";
}

TEST_F(Prune, KeepsHistoriesAndTakesLabelsAndPartialsBeforeTheCut) {
  const std::string label = segment(2) + ".00000028.backup";
  for (const auto& name : {std::string("00000002.history"), label, segment(1) + ".partial", segment(4) + ".00000028.backup"}) {
    add(name);
  }
  prune(m_made, {.timeline = 2, .first_kept = 4});
  EXPECT_THAT(left(), ElementsAre(segment(4) + ".00000028.backup", "00000002.history"));
}

TEST_F(Prune, NeverTouchesWhatIsNoFileOfWal) {
  add_segments_from_to(1, 2);
  const auto strange = {m_archive / "tmp" / (segment(1) + ".z"), m_archive / "notes.z", stored(segment(1)).parent_path() / "copy.z",
                        m_archive / "archive"};
  for (const auto& path : strange) {
    if (!fs::exists(path)) {
      write(path, "mine");
    }
  }
  prune(m_made, {.timeline = 1, .first_kept = 100});
  EXPECT_THAT(left(), IsEmpty());
  for (const auto& path : strange) {
    EXPECT_TRUE(fs::exists(path)) << path;
  }
}

TEST_F(Prune, LeavesNoGapWhereItEndsEarly) {
  add_segments_from_to(1, 5);
  const fs::path third = stored(segment(3));
  fs::remove(third);
  fs::create_directory(third);  // what unlink(2) refuses
  EXPECT_THAT(error_of([&] { prune(m_made, {.timeline = 1, .first_kept = 5}); }).message(), testing::HasSubstr(segment(3)));
  EXPECT_THAT(left(), ElementsAre(segment(3), segment(4), segment(5)));
  EXPECT_EQ(kept_from(m_made), 5U) << "what is half gone counts as gone";
  fs::remove(third);
  prune(m_made, {.timeline = 1, .first_kept = 5});
  EXPECT_THAT(left(), ElementsAre(segment(5)));
}

TEST_F(Prune, TellsHowFarItHasCome) {
  add_segments_from_to(1, 3);
  std::vector<std::pair<size_t, size_t>> told;
  prune(m_made, {.timeline = 1, .first_kept = 3}, {.progress = [&](size_t done, size_t total) { told.emplace_back(done, total); }});
  EXPECT_THAT(told, ElementsAre(std::pair(0U, 2U), std::pair(1U, 2U)));
}

TEST_F(Prune, RefusesABeginningThatCannotBeRead) {
  write(m_archive / "kept-from", "first-kept 3\n");
  add_segments_from_to(1, 3);
  EXPECT_EQ(error_of([&] { kept_from(m_made); }).code(), ErrorCode::storage);
  EXPECT_EQ(error_of([&] { prune(m_made, {.timeline = 1, .first_kept = 2}); }).code(), ErrorCode::storage);
  EXPECT_EQ(left().size(), 3U);
}

class Gaps : public test::ClusterTest {
 protected:
  Gaps() : m_made(make_archive()) {
    add_segments(test::some_segments(8));
    for (uint64_t number = 1; number <= 8; ++number) {
      push(segment_name(1, number, segment_size));
    }
  }
  void remove(uint64_t number) { fs::remove(stored(segment_name(1, number, segment_size))); }
  std::vector<std::pair<uint64_t, uint64_t>> gaps(uint64_t first) const {
    std::vector<std::pair<uint64_t, uint64_t>> found;
    for (const Range& range : gaps_of(Index::read(m_made), History(1), first)) {
      EXPECT_EQ(range.timeline, 1U);
      found.emplace_back(range.first, range.last);
    }
    return found;
  }

  Archive m_made;
};

TEST_F(Gaps, AreWhatIsMissingBeforeTheNewest) {
  EXPECT_THAT(gaps(1), IsEmpty());
  remove(3);
  remove(5);
  remove(6);
  EXPECT_THAT(gaps(1), ElementsAre(std::pair(3U, 3U), std::pair(5U, 6U)));
  EXPECT_THAT(gaps(6), ElementsAre(std::pair(6U, 6U)));
  EXPECT_THAT(gaps(7), IsEmpty());
  remove(8);
  EXPECT_THAT(gaps(7), IsEmpty()) << "what has not come yet is no gap";
  EXPECT_THAT(gaps(20), IsEmpty());
}

TEST_F(Gaps, BeginWithTheFirstThatIsNeeded) {
  remove(1);
  EXPECT_THAT(gaps(1), ElementsAre(std::pair(1U, 1U)));
  EXPECT_EQ(newest_segment(Index::read(m_made), 1), 8U);
}

TEST_F(Gaps, OfAnEmptyArchiveAreNone) {
  for (uint64_t number = 1; number <= 8; ++number) {
    remove(number);
  }
  EXPECT_THAT(gaps(1), IsEmpty());
  EXPECT_EQ(newest_segment(Index::read(m_made), 1), std::nullopt);
}

}  // namespace
}  // namespace bpg::wal
