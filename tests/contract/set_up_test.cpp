#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "bpg/storage/pool/loop_device.hpp"
#include "bpg/util/process.hpp"
#include "support/contract.hpp"
#include "support/small_file_system.hpp"

namespace bpg::test {

namespace {

constexpr uint64_t image_bytes = uint64_t{512} << 20;

fs::path place(const char* variable) {
  const std::string named = place_for({"", variable});
  return named.empty() ? fs::temp_directory_path() : fs::path(named);
}

class StorageSetUp : public testing::Test {
 protected:
  StorageSetUp() : m_scratch(place("BPG_TEST_COPY")) { fs::permissions(home(), fs::perms(0711)); }

  const fs::path& home() const { return m_scratch.path(); }

 private:
  ScratchDirectory m_scratch;
};

TEST_F(StorageSetUp, CopyWorksAnywhereAndSaysWhatItCosts) {
  const auto result = storage::set_up({.driver = "copy", .home = home()});
  EXPECT_EQ(result.location.driver, "copy");
  EXPECT_EQ(result.location.root, home());
  EXPECT_FALSE(result.reason.empty());
  ASSERT_FALSE(result.notes.empty());
  EXPECT_NE(result.notes.back().find("full copy"), std::string::npos);
  storage::tear_down(result.location);
  EXPECT_TRUE(fs::is_empty(home()));
}

TEST_F(StorageSetUp, MakesTheDirectoryThatPathNames) {
  const fs::path path = home() / "some" / "where";
  const auto result = storage::set_up({.driver = "copy", .path = path, .home = home()});
  EXPECT_EQ(result.location.root, path);
  storage::tear_down(result.location);
}

TEST_F(StorageSetUp, TearDownIsRefusedWhileVolumesAreLeft) {
  const auto location = storage::set_up({.driver = "copy", .home = home()}).location;
  const VolumeId volume = VolumeId::make();
  storage::open(location)->create_volume(volume, {});
  EXPECT_EQ(error_of([&] { storage::tear_down(location); }).code(), ErrorCode::refused);
  storage::open(location)->destroy_volume(volume, {});
  storage::tear_down(location);
  storage::tear_down(location);
}

TEST_F(StorageSetUp, OpenSaysThatTheStorageIsMissing) {
  for (const char* driver : {"copy", "reflink", "btrfs", "zfs", "tape"}) {
    const Error error = error_of([&] { storage::open({.driver = driver, .root = home() / "nothing"}); });
    EXPECT_EQ(error.code(), ErrorCode::storage) << driver;
  }
}

TEST_F(StorageSetUp, ReflinkIsRefusedWhereItCannotBe) {
  BPG_NEEDS_MOUNT("ext4");
  const SmallFileSystem ext4(home(), "ext4", uint64_t{32} << 20);
  const Error error = error_of([&] { storage::set_up({.driver = "reflink", .home = ext4.path()}); });
  EXPECT_EQ(error.code(), ErrorCode::storage);
  EXPECT_NE(error.hint().find("XFS"), std::string::npos) << error.hint();
  EXPECT_NE(error.message().find("ext4"), std::string::npos) << error.message();
}

TEST_F(StorageSetUp, WrongRequestsAreUsageErrors) {
  const std::vector<storage::SetupRequest> wrong{
      {.driver = "brtfs", .home = home()},
      {.driver = "copy", .pool = "tank", .home = home()},
      {.driver = "copy", .home = home(), .size_given = true},
      {.driver = "copy", .pool_file = home() / "pool.zfs", .home = home()},
      {.driver = "btrfs", .zfs_options = {"recordsize=8K"}, .home = home()},
      {.driver = "zfs", .zfs_options = {"recordsize"}, .home = home()},
      {.driver = "btrfs", .home = home(), .image_bytes = 1000, .size_given = true}};
  for (const auto& request : wrong) {
    EXPECT_EQ(error_of([&] { storage::set_up(request); }).code(), ErrorCode::usage);
  }
  const Error error = error_of([&] { storage::set_up({.driver = "brtfs", .home = home()}); });
  EXPECT_EQ(error.hint(), "Did you mean 'btrfs'?");
}

TEST_F(StorageSetUp, AutoFindsReflinks) {
  if (place_for({"", "BPG_TEST_XFS"}).empty()) {
    GTEST_SKIP() << "BPG_TEST_XFS is not set";
  }
  const ScratchDirectory xfs(place("BPG_TEST_XFS"));
  const auto result = storage::set_up({.path = xfs.path(), .home = home()});
  EXPECT_EQ(result.location.driver, "reflink");
  EXPECT_NE(result.reason.find("xfs"), std::string::npos) << result.reason;
}

TEST_F(StorageSetUp, AutoFindsBtrfs) {
  if (place_for({"", "BPG_TEST_BTRFS"}).empty()) {
    GTEST_SKIP() << "BPG_TEST_BTRFS is not set";
  }
  const ScratchDirectory btrfs(place("BPG_TEST_BTRFS"));
  const auto result = storage::set_up({.path = btrfs.path(), .home = home()});
  EXPECT_EQ(result.location.driver, "btrfs");
  EXPECT_TRUE(result.location.image.empty());
}

/// Reached by an ordinary user, in another process.
TEST_F(StorageSetUp, WithoutRootAutoFallsBackToCopyAndSaysWhy) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become an ordinary user";
  }
  BPG_NEEDS_MOUNT("ext4");
  const SmallFileSystem ext4(home(), "ext4", uint64_t{32} << 20);
  constexpr uid_t nobody = 65534;
  make_directory(ext4.path() / "user", 0700, {.uid = nobody, .gid = nobody});
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    try {
      if (::setgid(nobody) == 0 && ::setuid(nobody) == 0) {
        const auto result = storage::set_up({.home = ext4.path() / "user"});
        status = result.location.driver == "copy" && result.notes.size() >= 2 ? 0 : 2;
      }
    } catch (const Error& error) {
      std::fprintf(stderr, "as an ordinary user: %s\n", error.what());
    }
    ::_exit(status);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

class PoolSetUp : public StorageSetUp {
 protected:
  void SetUp() override {
    BPG_NEEDS_MOUNT("btrfs");
  }

  void TearDown() override {
    ::umount((home() / "pool").c_str());
    EXPECT_FALSE(is_mounted());
  }

  storage::SetupRequest request() const {
    return {.driver = "btrfs", .home = home(), .image_bytes = image_bytes, .size_given = true};
  }

  bool is_mounted() const {
    return run({"mountpoint", "-q", (home() / "pool").string()}).exit_status == 0;
  }
};

TEST_F(PoolSetUp, IsMadeUsedAndRemoved) {
  const auto result = storage::set_up(request());
  EXPECT_EQ(result.location.driver, "btrfs");
  EXPECT_EQ(result.location.image, home() / "pool.img");
  EXPECT_EQ(result.location.root, home() / "pool");
  EXPECT_FALSE(result.notes.empty());
  EXPECT_TRUE(is_mounted());
  struct stat status {};
  ASSERT_EQ(::stat((home() / "pool").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0711U);
  ASSERT_EQ(::stat((home() / "pool.img").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_LT(status.st_blocks * 512, off_t{64} << 20) << "the image is not sparse";
  const auto storage = storage::open(result.location);
  const VolumeId volume = VolumeId::make();
  storage->create_volume(volume, {});
  EXPECT_EQ(error_of([&] { storage::tear_down(result.location); }).code(), ErrorCode::refused);
  storage->destroy_volume(volume, {});
  storage::tear_down(result.location);
  EXPECT_FALSE(is_mounted());
  EXPECT_TRUE(fs::is_empty(home()));
  storage::tear_down(result.location);
}

TEST_F(PoolSetUp, IsNeverFormattedAgain) {
  const auto location = storage::set_up(request()).location;
  const VolumeId volume = VolumeId::make();
  storage::open(location)->create_volume(volume, {});
  std::ofstream(storage::open(location)->volume_path(volume) / "file") << "x";
  ASSERT_EQ(::umount(location.root.c_str()), 0);
  const auto again = storage::set_up(request()).location;
  EXPECT_EQ(again.image, location.image);
  EXPECT_EQ(read_file(storage::open(again)->volume_path(volume) / "file"), "x");
  EXPECT_EQ(storage::set_up({.home = home()}).location.image, location.image) << "auto takes another";
}

TEST_F(PoolSetUp, OpenMountsItAfterAReboot) {
  const auto location = storage::set_up(request()).location;
  const VolumeId volume = VolumeId::make();
  storage::open(location)->create_volume(volume, {});
  ASSERT_EQ(::umount(location.root.c_str()), 0);
  EXPECT_EQ(storage::open(location)->list_volumes(), std::vector{volume});
  EXPECT_TRUE(is_mounted());
}

TEST_F(PoolSetUp, ManyProcessesMountItOnce) {
  const auto location = storage::set_up(request()).location;
  ASSERT_EQ(::umount(location.root.c_str()), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(::fork());
    if (children.back() == 0) {
      int status = 1;
      try {
        storage::open(location);
        status = 0;
      } catch (const Error& error) {
        std::fprintf(stderr, "in a child: %s\n", error.what());
      }
      ::_exit(status);
    }
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  ASSERT_EQ(::umount(location.root.c_str()), 0);
  EXPECT_FALSE(is_mounted()) << "it was mounted more than once";
}

TEST_F(PoolSetUp, AnAttachedImageIsNotAttachedAgain) {
  const auto location = storage::set_up(request()).location;
  const auto first = storage::LoopDevice::attach(location.image);
  const auto second = storage::LoopDevice::attach(location.image);
  EXPECT_EQ(first.path(), second.path());
}

TEST_F(PoolSetUp, AHalfMadeImageIsNotTaken) {
  std::ofstream(home() / "pool.img.tmp") << "half";
  const auto location = storage::set_up(request()).location;
  EXPECT_TRUE(is_mounted());
  EXPECT_FALSE(fs::exists(home() / "pool.img.tmp"));
  storage::tear_down(location);
}

TEST_F(PoolSetUp, PreallocatedImageStaysSo) {
  auto preallocated = request();
  preallocated.preallocate = true;
  const auto location = storage::set_up(preallocated).location;
  const VolumeId volume = VolumeId::make();
  storage::open(location)->create_volume(volume, {});
  storage::open(location)->destroy_volume(volume, {});
  struct stat status {};
  ASSERT_EQ(::stat(location.image.c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, status.st_size);
  storage::tear_down(location);
}

TEST_F(PoolSetUp, TooLargeForTheDiskIsRefused) {
  auto large = request();
  large.image_bytes = uint64_t{1} << 50;
  EXPECT_EQ(error_of([&] { storage::set_up(large); }).code(), ErrorCode::no_space);
  EXPECT_FALSE(fs::exists(home() / "pool.img"));
}

}  // namespace

}  // namespace bpg::test
