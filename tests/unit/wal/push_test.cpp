#include "bpg/wal/push.hpp"

#include <gmock/gmock.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "bpg/wal/init.hpp"
#include "bpg/wal/temporary_file.hpp"
#include "bpg/wal/verify.hpp"
#include "wal/cluster_fixture.hpp"

namespace bpg::wal {
namespace {

using test::error_of;
using test::some_segments;
using testing::HasSubstr;

constexpr const char* first = "000000010000000000000001";
constexpr const char* second = "000000010000000000000002";
constexpr const char* third = "000000010000000000000003";

class Push : public test::ClusterTest {
 protected:
  mode_t mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  /// What PostgreSQL would get back.
  std::string got(const std::string& name) {
    EXPECT_EQ(get(name), GetResult::restored);
    return read_file(m_destination);
  }
};

TEST_F(Push, StoresForItsOwnerAlone) {
  make_archive();
  add_segments(some_segments(1));
  EXPECT_EQ(push(first).result, StoreResult::stored);
  EXPECT_EQ(got(first), read_file(m_wal / first));
  EXPECT_EQ(mode_of(m_archive), 0700U);
  EXPECT_EQ(mode_of(m_archive / "archive"), 0600U);
  EXPECT_EQ(mode_of(m_archive / "0000000100000000"), 0700U);
  EXPECT_EQ(mode_of(stored(first)), 0400U);
  EXPECT_EQ(count(m_archive / "tmp"), 0U);
}

TEST_F(Push, StoresWhatIsReadyBehindIt) {
  make_archive();
  add_segments(some_segments(5));
  write(m_wal / "archive_status" / "00000001000000000000000F.ready", "");
  write(m_wal / "archive_status" / "000000020000000000000002.ready", "");
  write(m_wal / "archive_status" / "000000010000000000000005.done", "");
  fs::remove(m_wal / "archive_status" / "000000010000000000000005.ready");
  std::vector<std::string> warnings;
  const auto result = push(first, {.warn = [&](const std::string& text) { warnings.push_back(text); }});
  EXPECT_EQ(result.ahead, 3U);
  ASSERT_EQ(warnings.size(), 1U) << "the segment that is ready, and not there";
  EXPECT_THAT(warnings[0], HasSubstr("00000001000000000000000F"));
  EXPECT_FALSE(fs::exists(stored("000000010000000000000005")));
  EXPECT_EQ(push(second).result, StoreResult::already_stored);
  EXPECT_EQ(push("000000010000000000000005").result, StoreResult::stored);
}

TEST_F(Push, OfTheSameBytesSucceedsAgain) {
  make_archive();
  add_segments(some_segments(1));
  push(first);
  const std::string before = read_file(stored(first));
  // Another inode with the same bytes: PostgreSQL archives again after a crash.
  write(m_wal / "copy", read_file(m_wal / first));
  fs::rename(m_wal / "copy", m_wal / first);
  EXPECT_EQ(push(first).result, StoreResult::already_stored);
  EXPECT_EQ(read_file(stored(first)), before);
}

TEST_F(Push, OfOtherBytesFailsLoudlyAndChangesNothing) {
  make_archive();
  add_segments(some_segments(1));
  push(first);
  const std::string before = read_file(stored(first));
  std::string other = read_file(m_wal / first);
  other[500'000] = static_cast<char>(other[500'000] ^ 1);
  write(m_wal / first, other);
  const Error error = push_error(first);
  EXPECT_EQ(error.code(), ErrorCode::refused);
  EXPECT_THAT(error.message(), HasSubstr("with other bytes"));
  EXPECT_EQ(read_file(stored(first)), before);
}

TEST_F(Push, SeesAWriteThatKeepsSizeAndTimeOfChange) {
  make_archive();
  add_segments(some_segments(1));
  struct timespec times[2] = {{.tv_sec = 1'000'000, .tv_nsec = 0}, {.tv_sec = 1'000'000, .tv_nsec = 0}};
  ::utimensat(AT_FDCWD, (m_wal / first).c_str(), times, 0);
  push(first);
  std::string other = read_file(m_wal / first);
  other[500'000] = static_cast<char>(other[500'000] ^ 1);
  write(m_wal / first, other);
  ::utimensat(AT_FDCWD, (m_wal / first).c_str(), times, 0);
  EXPECT_THAT(push_error(first).message(), HasSubstr("with other bytes"));
}

TEST_F(Push, MakesWhatIsAlreadyStoredDurable) {
  make_archive();
  add_segments(some_segments(1));
  push(first);
  ::chmod(stored(first).c_str(), 0600);  // as whoever stored it left it, who then died
  EXPECT_EQ(push(first).result, StoreResult::already_stored);
  EXPECT_EQ(mode_of(stored(first)), 0400U);
}

TEST_F(Push, RefusesToTakeADamagedStoredFileForTheSegment) {
  make_archive();
  add_segments(some_segments(1));
  push(first);
  ::chmod(stored(first).c_str(), 0600);
  ASSERT_EQ(::truncate(stored(first).c_str(), 500), 0);
  EXPECT_EQ(push_error(first).code(), ErrorCode::storage);
}

TEST_F(Push, NeedsAnArchiveThatWasMadeForItsCluster) {
  add_segments(some_segments(1));
  EXPECT_EQ(push_error(first).code(), ErrorCode::not_found);
  EXPECT_FALSE(fs::exists(m_archive)) << "a file system that is not mounted must not be written to";
  fs::create_directory(m_archive);
  EXPECT_EQ(push_error(first).code(), ErrorCode::not_found);
  EXPECT_EQ(count(m_archive), 0U);
  write(m_archive / "archive", "nonsense");
  EXPECT_EQ(push_error(first).code(), ErrorCode::storage);
  fs::remove(m_archive / "archive");
  Archive::create(m_archive, {.system_identifier = 43, .segment_size = segment_size});
  EXPECT_THAT(push_error(first).message(), HasSubstr("of the cluster 43"));
  fs::remove_all(m_archive);
  Archive::create(m_archive, {.system_identifier = system_identifier, .segment_size = 2 * segment_size});
  EXPECT_THAT(push_error(first).message(), HasSubstr("segments of"));
}

TEST_F(Push, KnowsVolumesOfOneClusterApart) {
  make_archive();
  add_segments(some_segments(1));
  const PushRequest request{.archive = m_archive, .source = m_wal / first, .data_directory = m_data, .volume = "vol_2"};
  EXPECT_THAT(error_of([&] { wal::push(request); }).message(), HasSubstr("of the volume 'vol_1', not of 'vol_2'"));
}

TEST_F(Push, MakesNoSecondArchiveOverOne) {
  init({.archive = m_archive, .data_directory = m_data, .volume = "vol_1"});
  EXPECT_EQ(error_of([&] { init({.archive = m_archive, .data_directory = m_data}); }).code(), ErrorCode::already_exists);
  EXPECT_EQ(Archive::open(m_archive).identity().system_identifier, system_identifier);
  EXPECT_EQ(Archive::open(m_archive).identity().volume, "vol_1");
}

TEST_F(Push, MakesAnArchiveWhereItWasInterrupted) {
  fs::create_directories(m_archive / "tmp");
  write(m_archive / "archive.0123456789.tmp", "half");
  EXPECT_EQ(make_archive().identity().segment_size, segment_size);
  fs::remove(m_archive / "archive");
  write(m_archive / "00000002.history.z", "somebody's");
  EXPECT_EQ(error_of([&] { make_archive(); }).code(), ErrorCode::already_exists);
}

TEST_F(Push, RefusesWhatCannotBeTheSegment) {
  make_archive();
  const test::WalBuilder wal = some_segments(2);
  const std::string good = wal.segment(0);
  const auto changed = [&](size_t at, char to) {
    std::string bytes = good;
    bytes[at] = to;
    return bytes;
  };
  struct Wrong {
    std::string content;
    const char* words;
  };
  for (const auto& [content, words] :
       {Wrong{"", "is empty"}, Wrong{good.substr(0, good.size() / 2), "bytes, and segments here are"},
        Wrong{good + "x", "bytes, and segments here are"}, Wrong{std::string(good.size(), '\0'), "does not begin with"},
        Wrong{changed(0, 'x'), "does not begin with"}, Wrong{changed(24, 'x'), "of the cluster"},
        Wrong{changed(34, 'x'), "says that segments"}, Wrong{wal.segment(1), "holds the WAL at 0/00200000"},
        Wrong{changed(4, 2), "of timeline 2"}}) {
    write(m_wal / first, content);
    const Error error = push_error(first);
    EXPECT_EQ(error.code(), ErrorCode::refused) << words;
    EXPECT_THAT(error.message(), HasSubstr(words));
  }
  write(m_wal / "000000010000000000001001", good);
  EXPECT_THAT(push_error("000000010000000000001001").message(), HasSubstr("no name that segments"));
  EXPECT_TRUE(Archive::open(m_archive).list().empty());
  EXPECT_EQ(count(m_archive / "tmp"), 0U);
}

TEST_F(Push, TakesTheFirstSegmentOfANewTimelineWithTheOldOnesPages) {
  make_archive();
  const std::string content = some_segments(1).segment(0);
  const std::string name = "000000020000000000000001";
  write(m_wal / "00000002.history", "1\t0/100\tforked elsewhere\n");
  write(m_wal / name, content);
  EXPECT_THAT(push_error(name).message(), HasSubstr("of timeline 1"));
  write(m_wal / "00000002.history", "1\t0/180000\tforked in this segment\n");
  EXPECT_EQ(push(name).result, StoreResult::stored);
}

TEST_F(Push, StoresTheOtherThreeKinds) {
  make_archive();
  const std::string segment = some_segments(1).segment(0);
  write(m_wal / "00000002.history", "1\t0/180000\tx\n");
  write(m_wal / (std::string(first) + ".00000028.backup"), "START WAL LOCATION: 0/1000028\n");
  write(m_wal / (std::string(first) + ".partial"), segment);
  for (const std::string& name : {std::string("00000002.history"), std::string(first) + ".00000028.backup",
                                 std::string(first) + ".partial"}) {
    EXPECT_EQ(push(name).result, StoreResult::stored) << name;
    EXPECT_EQ(push(name).result, StoreResult::already_stored) << name;
  }
  EXPECT_EQ(Archive::open(m_archive).list().size(), 3U);
  EXPECT_EQ(got("00000002.history"), "1\t0/180000\tx\n");
  fs::remove(m_destination);
  EXPECT_EQ(error_of([&] { get(std::string(first) + ".partial"); }).code(), ErrorCode::refused);
  EXPECT_FALSE(fs::exists(m_destination));
}

TEST_F(Push, RefusesEmptyAndForeignHistories) {
  make_archive();
  for (const char* text : {"", "nonsense", "5\t0/180000\tx\n"}) {
    write(m_wal / "00000002.history", text);
    EXPECT_EQ(push_error("00000002.history").code(), ErrorCode::refused) << text;
  }
  write(m_wal / "notes.txt", "x");
  EXPECT_EQ(push_error("notes.txt").code(), ErrorCode::usage);
}

TEST_F(Push, RemovesWhatTheDeadLeftAndNothingElse) {
  make_archive();
  add_segments(some_segments(1));
  write(m_archive / "tmp" / "000000010000000000000001.torn", "torn");
  auto other = std::make_unique<TemporaryFile>(m_archive / "tmp", "at work");
  push(first);
  EXPECT_EQ(count(m_archive / "tmp"), 1U);
  EXPECT_TRUE(other->publish(m_archive / "tmp" / "done"));
}

TEST_F(Push, ClearingUpNeverTakesAFileThatHasJustBeenMade) {
  make_archive();
  const fs::path directory = m_archive / "tmp";
  std::atomic<bool> stop = false;
  std::vector<std::thread> cleaners;
  for (int i = 0; i < 2; ++i) {
    cleaners.emplace_back([&] {
      while (!stop) {
        remove_abandoned_files(directory);
      }
    });
  }
  int published = 0;
  constexpr int files = 1000;
  for (int i = 0; i < files; ++i) {
    try {
      TemporaryFile file(directory, "new");
      published += file.publish(m_archive / fmt::format("published {}", i));
    } catch (const Error&) {
    }
  }
  stop = true;
  for (std::thread& cleaner : cleaners) {
    cleaner.join();
  }
  EXPECT_EQ(published, files);
}

TEST_F(Push, StoresDamagedWalAsItIsAndSaysSo) {
  make_archive();
  std::string content = some_segments(1).segment(0);
  content[600'000] = static_cast<char>(content[600'000] ^ 1);
  add_segment(first, content);
  std::vector<std::string> warnings;
  push(first, {.warn = [&](const std::string& text) { warnings.push_back(text); }});
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr("wrong checksum"));
  EXPECT_EQ(got(first), content);
  const auto findings = verify(Archive::open(m_archive), {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].problem, HasSubstr("cannot be read from"));
}

TEST_F(Push, DeepVerificationFindsWhatChangedOnDisk) {
  make_archive();
  add_segments(some_segments(3));
  push(first);
  const Archive archive = Archive::open(m_archive);
  EXPECT_TRUE(verify(archive, {.deep = true}).empty());
  for (const char* name : {second, third}) {
    ::chmod(stored(name).c_str(), 0600);
  }
  std::string bytes = read_file(stored(second));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  write(stored(second), bytes);
  bytes = read_file(stored(third));
  bytes[20] = 'x';
  write(stored(third), bytes);
  const auto findings = verify(archive, {.deep = true});
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].name.text, second);
  EXPECT_THAT(findings[1].problem, HasSubstr("head cannot be read"));
  EXPECT_EQ(verify(archive, {.deep = false}).size(), 1U) << "only heads are looked at";
}

TEST_F(Push, ByManyAtOnceStoresOnce) {
  make_archive();
  add_segments(some_segments(6));
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> pushers;
    for (int i = 0; i < 6; ++i) {
      pushers.emplace_back([&] {
        for (int number = 1; number <= 6; ++number) {
          try {
            push(FileName::segment(1, static_cast<uint64_t>(number), segment_size).text);
          } catch (const std::exception&) {
            ++failures;
          }
        }
      });
    }
  }
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(verify(Archive::open(m_archive), {.deep = true}).empty());
  EXPECT_EQ(Archive::open(m_archive).list().size(), 6U);
  EXPECT_EQ(count(m_archive / "tmp"), 0U);
}

}  // namespace
}  // namespace bpg::wal
