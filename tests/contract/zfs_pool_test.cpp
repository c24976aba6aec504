#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"
#include "support/contract.hpp"

namespace bpg::test {

namespace {

/// A pool of its own in a file, taken back whatever happens.
class ZfsPoolFile : public testing::Test {
 protected:
  ZfsPoolFile() : m_scratch(fs::temp_directory_path()) { fs::permissions(home(), fs::perms(0711)); }

  void SetUp() override {
    if (place_for({"zfs", "BPG_TEST_ZFS"}).empty()) {
      GTEST_SKIP() << "BPG_TEST_ZFS is not set";
    }
  }

  void TearDown() override {
    if (pool_exists()) {
      storage::zfs::run_zpool_when_idle({"destroy", "-f", pool()});
    }
  }

  const fs::path& home() const { return m_scratch.path(); }
  fs::path file() const { return home() / "pool.zfs"; }
  std::string pool() const { return "bpg" + home().filename().string().substr(std::string("contract-").size()); }
  bool pool_exists() const { return run({"zpool", "list", pool()}).exit_status == 0; }

  storage::SetupRequest request() const {
    return {.driver = "zfs",
            .pool = pool(),
            .pool_file = file(),
            .home = home(),
            .image_bytes = uint64_t{256} << 20,
            .size_given = true};
  }

  std::string property(const std::string& name, const std::string& of) const {
    return std::string(trim(run_checked({"zfs", "get", "-H", "-o", "value", name, of})));
  }

 private:
  ScratchDirectory m_scratch;
};

TEST_F(ZfsPoolFile, IsMadeUsedAndRemoved) {
  const auto result = storage::set_up(request());
  EXPECT_EQ(result.location.driver, "zfs");
  EXPECT_EQ(result.location.image, file());
  EXPECT_TRUE(result.location.dataset.starts_with(pool() + "/betterpg/databases")) << result.location.dataset;
  const auto about = std::ranges::find_if(result.notes, [&](const auto& note) { return note.find(file().string()) != std::string::npos; });
  EXPECT_NE(about, result.notes.end()) << "it does not say where the pool is";
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_size, off_t{256} << 20);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_LT(status.st_blocks * 512, off_t{64} << 20) << "the file is not sparse";

  const auto storage = storage::open(result.location);
  const VolumeId volume = VolumeId::make();
  storage->create_volume(volume, {});
  EXPECT_EQ(error_of([&] { storage::tear_down(result.location); }).code(), ErrorCode::refused);
  storage->destroy_volume(volume, {});
  storage::tear_down(result.location);
  EXPECT_FALSE(pool_exists());
  EXPECT_TRUE(fs::is_empty(home()));
  storage::tear_down(result.location);
}

TEST_F(ZfsPoolFile, OpenImportsItAfterAReboot) {
  const auto location = storage::set_up(request()).location;
  const VolumeId volume = VolumeId::make();
  storage::open(location)->create_volume(volume, {});
  std::ofstream(storage::open(location)->volume_path(volume) / "file") << "x";
  storage::zfs::run_zpool_when_idle({"export", pool()});
  EXPECT_EQ(read_file(storage::open(location)->volume_path(volume) / "file"), "x");
  EXPECT_EQ(property("betterpg:file", pool()), file().string());
}

TEST_F(ZfsPoolFile, AMissingFileIsNamed) {
  const auto location = storage::set_up(request()).location;
  storage::zfs::run_zpool_when_idle({"export", pool()});
  fs::rename(file(), home() / "elsewhere");
  const Error error = error_of([&] { storage::open(location); });
  EXPECT_EQ(error.code(), ErrorCode::storage);
  EXPECT_NE(error.message().find(file().string()), std::string::npos) << error.message();
  fs::rename(home() / "elsewhere", file());
  storage::open(location);
}

/// An `init` that was killed before it noted what it had made.
TEST_F(ZfsPoolFile, IsNeverMadeAgain) {
  const auto location = storage::set_up(request()).location;
  const VolumeId volume = VolumeId::make();
  storage::open(location)->create_volume(volume, {});
  const auto again = storage::set_up(request()).location;
  EXPECT_EQ(again.dataset, location.dataset);
  EXPECT_EQ(storage::open(again)->list_volumes(), std::vector{volume});
}

TEST_F(ZfsPoolFile, AnotherHomeDoesNotTakeIt) {
  storage::set_up(request());
  auto other = request();
  other.home = home() / "other";
  EXPECT_EQ(error_of([&] { storage::set_up(other); }).code(), ErrorCode::already_exists);
}

TEST_F(ZfsPoolFile, AnExistingFileIsNotTaken) {
  std::ofstream(file()) << "precious";
  const Error error = error_of([&] { storage::set_up(request()); });
  EXPECT_EQ(error.code(), ErrorCode::already_exists);
  EXPECT_EQ(read_file(file()), "precious");
  EXPECT_FALSE(pool_exists());
}

TEST_F(ZfsPoolFile, ATakenNameIsRefused) {
  auto taken = request();
  const std::string existing = place_for({"zfs", "BPG_TEST_ZFS"});
  taken.pool = existing.substr(0, existing.find('/'));
  const Error error = error_of([&] { storage::set_up(taken); });
  EXPECT_EQ(error.code(), ErrorCode::already_exists);
  EXPECT_NE(error.hint().find("--pool"), std::string::npos) << error.hint();
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(ZfsPoolFile, WrongRequestsLeaveNothing) {
  const auto refused = [&](ErrorCode code, const std::function<void(storage::SetupRequest&)>& change) {
    auto wrong = request();
    change(wrong);
    EXPECT_EQ(error_of([&] { storage::set_up(wrong); }).code(), code);
    EXPECT_FALSE(pool_exists());
    EXPECT_FALSE(fs::exists(file()));
  };
  refused(ErrorCode::usage, [](auto& wrong) { wrong.image_bytes = uint64_t{64} << 20; });
  refused(ErrorCode::usage, [](auto& wrong) { wrong.pool = "tank/data"; });
  refused(ErrorCode::usage, [](auto& wrong) { wrong.driver = "btrfs"; });
  refused(ErrorCode::usage, [](auto& wrong) { wrong.zfs_options = {"recordsize=3K"}; });
  refused(ErrorCode::no_space, [](auto& wrong) { wrong.image_bytes = uint64_t{1} << 50; });
  refused(ErrorCode::not_found, [&](auto& wrong) { wrong.pool_file = home() / "nowhere" / "pool.zfs"; });
}

TEST_F(ZfsPoolFile, IsNotDestroyedWithWhatOthersPutIntoIt) {
  const auto location = storage::set_up(request()).location;
  const std::string foreign = pool() + "/theirs";
  run_checked({"zfs", "create", "-o", "mountpoint=none", foreign});
  const Error error = error_of([&] { storage::tear_down(location); });
  EXPECT_EQ(error.code(), ErrorCode::refused);
  EXPECT_NE(error.message().find(foreign), std::string::npos) << error.message();
  EXPECT_EQ(property("type", location.dataset), "filesystem");
  storage::zfs::run_zfs_when_idle({"destroy", foreign});
  storage::tear_down(location);
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(ZfsPoolFile, OptionsAreTheUsersToChoose) {
  auto chosen = request();
  chosen.zfs_options = {"recordsize=8K", "compress=gzip", "quota=200M"};
  const std::string dataset = storage::set_up(chosen).location.dataset;
  EXPECT_EQ(property("recordsize", dataset), "8K");
  EXPECT_EQ(property("compression", dataset), "gzip");
  EXPECT_EQ(property("quota", dataset), "200M");
  EXPECT_EQ(property("atime", dataset), "off");
}

TEST_F(ZfsPoolFile, WhatZfsSaysOfAnOptionIsPassedOn) {
  auto wrong = request();
  wrong.zfs_options = {"compresion=gzip"};
  const Error error = error_of([&] { storage::set_up(wrong); });
  EXPECT_EQ(error.code(), ErrorCode::usage);
  EXPECT_NE(error.message().find("'compresion'"), std::string::npos) << error.message();
}

}  // namespace

}  // namespace bpg::test
