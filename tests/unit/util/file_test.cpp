#include "bpg/util/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include "bpg/util/error.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"
#include "support/forked.hpp"

namespace bpg {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using test::error_of;

class FileTest : public testing::Test {
 protected:
  mode_t mode_of(const fs::path& path) const {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  size_t files_in(const fs::path& path) const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }

  test::TemporaryDirectory m_directory;
  fs::path m_file = m_directory / "file";
};

TEST_F(FileTest, ReadsWhatWasWritten) {
  const std::string content = std::string(100'000, 'x') + '\0' + "end";
  write_file_atomic(m_file, content);
  EXPECT_EQ(read_file(m_file), content);
  EXPECT_EQ(read_file_if_exists(m_file), content);
}

TEST_F(FileTest, TellsMissingFromUnreadable) {
  EXPECT_EQ(read_file_if_exists(m_file), std::nullopt);
  EXPECT_EQ(read_file_if_exists(m_file / "below"), std::nullopt);
  EXPECT_THAT(error_of([&] { read_file(m_file); }).message(), HasSubstr(m_file.string()));
  EXPECT_THROW(read_file_if_exists(m_directory.path()), Error);
}

TEST_F(FileTest, WriteGivesTheModeWhateverTheUmask) {
  const mode_t before = ::umask(077);
  write_file_atomic(m_file, "x", {.mode = 0644});
  ::umask(0);
  write_file_atomic(m_directory / "secret", "x", {.mode = 0600});
  ::umask(before);
  EXPECT_EQ(mode_of(m_file), 0644U);
  EXPECT_EQ(mode_of(m_directory / "secret"), 0600U);
}

TEST_F(FileTest, WriteGivesTheOwner) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a file away";
  }
  write_file_atomic(m_file, "x", {.mode = 0600, .owner = {.uid = 65534, .gid = 65534}});
  struct stat status {};
  ASSERT_EQ(::stat(m_file.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 65534U);
  EXPECT_EQ(status.st_gid, 65534U);
}

TEST_F(FileTest, WriteToTheWorkingDirectory) {
  test::Forked child([&] {
    fs::current_path(m_directory.path());
    write_file_atomic("here", "x");
    return read_file("here") == "x" ? 0 : 1;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST_F(FileTest, FailedWriteKeepsTheOldFileAndLeavesNoOther) {
  write_file_atomic(m_file, "old");
  test::Forked child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomic(m_file, std::string(100'000, 'x'));
    } catch (const Error&) {
      return 0;
    }
    return 1;
  });
  EXPECT_EQ(child.status(), 0);
  EXPECT_EQ(read_file(m_file), "old");
  EXPECT_EQ(files_in(m_directory.path()), 1U);
}

TEST_F(FileTest, FullDeviceIsNoSpace) {
  const UniqueFd full = open_file("/dev/full", O_WRONLY);
  EXPECT_EQ(error_of([&] { write_all(full.get(), "x", "/dev/full"); }).code(), ErrorCode::no_space);
}

TEST_F(FileTest, WriteOverADirectoryFails) {
  fs::create_directory(m_file);
  EXPECT_THROW(write_file_atomic(m_file, "x"), Error);
  EXPECT_EQ(files_in(m_directory.path()), 1U);
}

TEST_F(FileTest, WriteDoesNotFollowALinkPlantedAtItsTemporaryName) {
  const fs::path victim = m_directory / "victim";
  write_file_atomic(victim, "precious");
  test::Forked child([&] {
    for (const char* ending : {"", ".0", ".1", ".2"}) {
      const std::string name = m_file.string() + "." + std::to_string(::getpid()) + ending + ".tmp";
      fs::create_symlink(victim, name);
    }
    write_file_atomic(m_file, "new", {.mode = 0666});
    return read_file(m_file) == "new" ? 0 : 1;
  });
  EXPECT_EQ(child.status(), 0);
  EXPECT_EQ(read_file(victim), "precious");
  EXPECT_EQ(mode_of(victim), 0644U);
}

TEST_F(FileTest, ThreadsMayWriteTheSameFile) {
  std::atomic<int> failures{0};
  const auto work = [&](char c) {
    for (int i = 0; i < 200; ++i) {
      try {
        write_file_atomic(m_file, std::string(10'000, c), {.durable = false});
      } catch (const Error&) {
        ++failures;
      }
    }
  };
  std::thread a(work, 'a');
  std::thread b(work, 'b');
  a.join();
  b.join();
  EXPECT_EQ(failures, 0);
  const std::string content = read_file(m_file);
  EXPECT_EQ(content, std::string(10'000, content[0]));
  EXPECT_EQ(files_in(m_directory.path()), 1U);
}

TEST_F(FileTest, MakesDirectoriesWithTheirModeWhateverTheUmask) {
  const mode_t before = ::umask(077);
  make_directory(m_directory / "a/b/c", 0750);
  ::umask(0);
  make_directory(m_directory / "private", 0700);
  ::umask(before);
  EXPECT_EQ(mode_of(m_directory / "a"), 0711U);
  EXPECT_EQ(mode_of(m_directory / "a/b"), 0711U);
  EXPECT_EQ(mode_of(m_directory / "a/b/c"), 0750U);
  EXPECT_EQ(mode_of(m_directory / "private"), 0700U);
}

TEST_F(FileTest, MakingADirectoryAgainSetsItsModeAlone) {
  make_directory(m_directory / "a/b", 0700);
  fs::permissions(m_directory / "a", fs::perms::owner_all);
  make_directory(m_directory / "a/b", 0755);
  make_directory(m_directory / "a/b/", 0755);
  EXPECT_EQ(mode_of(m_directory / "a"), 0700U);
  EXPECT_EQ(mode_of(m_directory / "a/b"), 0755U);
}

TEST_F(FileTest, MakingADirectoryOverAFileFails) {
  write_file_atomic(m_file, "x");
  EXPECT_EQ(error_of([&] { make_directory(m_file, 0700); }).code(), ErrorCode::environment);
  EXPECT_EQ(error_of([&] { make_directory(m_file / "below", 0700); }).code(), ErrorCode::environment);
}

TEST_F(FileTest, WithoutPermissionIsAnErrorOfOurs) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become nobody";
  }
  fs::permissions(m_directory.path(), fs::perms::owner_all);
  test::Forked child([&] {
    ::setuid(65534);
    for (const auto& path : {m_directory / "new", m_directory / "a/b"}) {
      if (error_of([&] { make_directory(path, 0700); }).code() != ErrorCode::permission) {
        return 1;
      }
    }
    return error_of([&] { write_file_atomic(m_file, "x"); }).code() == ErrorCode::permission ? 0 : 2;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST_F(FileTest, RemovesATreeButNotWhatItsLinksPointAt) {
  make_directory(m_directory / "kept", 0755);
  write_file_atomic(m_directory / "kept/file", "x");
  make_directory(m_directory / "tree/a/b", 0755);
  fs::create_directory_symlink(m_directory / "kept", m_directory / "tree/link");
  fs::create_symlink("/nowhere", m_directory / "tree/dangling");
  remove_tree(m_directory / "tree");
  remove_tree(m_directory / "tree");
  EXPECT_FALSE(fs::exists(m_directory / "tree"));
  EXPECT_EQ(read_file(m_directory / "kept/file"), "x");
}

using Mode = FileLock::Mode;

/// Whether another process gets the lock at once.
bool another_gets(const fs::path& path, Mode mode) {
  test::Forked other([&] { return FileLock::acquire(path, mode, 0ms) ? 0 : 1; });
  return other.status() == 0;
}

TEST_F(FileTest, SharedLocksExcludeExclusiveOnesOnly) {
  {
    const auto lock = FileLock::acquire(m_file, Mode::shared, 0ms);
    ASSERT_TRUE(lock);
    EXPECT_TRUE(another_gets(m_file, Mode::shared));
    EXPECT_FALSE(another_gets(m_file, Mode::exclusive));
  }
  {
    const auto lock = FileLock::acquire(m_file, Mode::exclusive, 0ms);
    ASSERT_TRUE(lock);
    EXPECT_FALSE(another_gets(m_file, Mode::shared));
    EXPECT_FALSE(another_gets(m_file, Mode::exclusive));
  }
  EXPECT_TRUE(another_gets(m_file, Mode::exclusive));
  EXPECT_EQ(mode_of(m_file), 0600U);
}

TEST_F(FileTest, WaitingForALockEnds) {
  const auto lock = FileLock::acquire(m_file, Mode::exclusive, 0ms);
  const auto began = std::chrono::steady_clock::now();
  test::Forked other([&] { return FileLock::acquire(m_file, Mode::exclusive, 50ms) ? 0 : 1; });
  EXPECT_EQ(other.status(), 1);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 50ms);
}

TEST_F(FileTest, AKilledProcessLetsGoOfItsLock) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  test::Forked owner([&] {
    const auto lock = FileLock::acquire(m_file, Mode::exclusive, 0ms);
    write_all(ready[1], "x", "pipe");
    ::pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_FALSE(another_gets(m_file, Mode::exclusive));
  ::kill(owner.pid(), SIGKILL);
  EXPECT_TRUE(FileLock::acquire(m_file, Mode::exclusive, 5s));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(FileTest, WhoWaitedForARemovedLockFileLocksTheNext) {
  int locked[2];
  int got_it[2];
  ASSERT_EQ(::pipe(locked), 0);
  ASSERT_EQ(::pipe(got_it), 0);
  char byte = 0;
  test::Forked waiting([&] {  // before the lock is taken: a fork would share it
    EXPECT_EQ(::read(locked[0], &byte, 1), 1);
    const auto own = FileLock::acquire(m_file, Mode::exclusive, 5s);
    write_all(got_it[1], own ? "y" : "n", "pipe");
    ::pause();
    return 0;
  });
  auto lock = FileLock::acquire(m_file, Mode::exclusive, 0ms);
  write_all(locked[1], "x", "pipe");
  std::this_thread::sleep_for(50ms);
  fs::remove(m_file);
  lock.reset();
  ASSERT_EQ(::read(got_it[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_FALSE(another_gets(m_file, Mode::exclusive));
  for (const int end : {locked[0], locked[1], got_it[0], got_it[1]}) {
    ::close(end);
  }
}

TEST_F(FileTest, LocksAndFilesAreNotLeftToPrograms) {
  const UniqueFd fd = open_file("/dev/null", O_RDONLY);
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(UniqueFdTest, ClosesOnceAndMoves) {
  int raw = -1;
  {
    UniqueFd a = open_file("/dev/null", O_RDONLY);
    raw = a.get();
    UniqueFd b = std::move(a);
    EXPECT_FALSE(a);
    EXPECT_EQ(b.get(), raw);
    b = UniqueFd(std::move(b));
    EXPECT_EQ(::fcntl(raw, F_GETFD) < 0, false);
  }
  EXPECT_LT(::fcntl(raw, F_GETFD), 0);
}

}  // namespace
}  // namespace bpg
