#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "support/contract.hpp"

namespace bpg::test {

namespace {

struct stat status_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

class CloneContract : public Contract {};
class DirectCopyContract : public CloneContract {};

TEST_P(CloneContract, NewVolumeIsEmptyAndClosed) {
  const VolumeId volume = new_volume();
  EXPECT_TRUE(fs::is_empty(storage().volume_path(volume)));
  EXPECT_EQ(status_of(storage().volume_path(volume)).st_mode & 07777, 0700U);
}

TEST_P(CloneContract, NewVolumeBelongsToItsOwner) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a directory away";
  }
  const VolumeId volume = VolumeId::make();
  storage().create_volume(volume, {.uid = 4242, .gid = 4343});
  EXPECT_EQ(status_of(storage().volume_path(volume)).st_uid, 4242U);
  EXPECT_EQ(status_of(storage().volume_path(volume)).st_gid, 4343U);
  const VolumeId clone = branch_of(volume);
  EXPECT_EQ(status_of(storage().volume_path(clone)).st_uid, 4242U);
  EXPECT_EQ(status_of(storage().volume_path(clone)).st_gid, 4343U);
  EXPECT_EQ(status_of(storage().volume_path(clone)).st_mode & 07777, 0700U);
}

TEST_P(CloneContract, OtherAccountsPassThroughToTheirVolume) {
  const VolumeId volume = new_volume();
  const fs::path above = storage().volume_path(volume).parent_path();
  EXPECT_EQ(status_of(above).st_mode & 0777, 0711U);
  EXPECT_EQ(status_of(storage().location().root).st_mode & 0111, 0111U);
}

TEST_P(CloneContract, CloneHasWhatTheSourceHad) {
  const VolumeId source = new_volume();
  write(source, "data/base/1/1234", noise(100'000));
  write(source, "manifest.json", "{}");
  const VolumeId clone = branch_of(source);
  EXPECT_EQ(read(clone, "data/base/1/1234"), noise(100'000));
  EXPECT_EQ(read(clone, "manifest.json"), "{}");
}

TEST_P(CloneContract, ChangesStayOnTheirSide) {
  const VolumeId source = new_volume();
  write(source, "both", "before");
  write(source, "gone-in-clone", "x");
  write(source, "gone-in-source", "x");
  const VolumeId clone = branch_of(source);
  write(source, "both", "source");
  write(clone, "both", "clone");
  write(source, "new-in-source", "x");
  write(clone, "new-in-clone", "x");
  fs::remove(path(source, "gone-in-source"));
  fs::remove(path(clone, "gone-in-clone"));
  EXPECT_EQ(read(source, "both"), "source");
  EXPECT_EQ(read(clone, "both"), "clone");
  EXPECT_FALSE(has(clone, "new-in-source"));
  EXPECT_FALSE(has(source, "new-in-clone"));
  EXPECT_TRUE(has(clone, "gone-in-source"));
  EXPECT_TRUE(has(source, "gone-in-clone"));
}

TEST_P(CloneContract, OverwritingInPlaceStaysOnItsSide) {
  const VolumeId source = new_volume();
  const std::string before = noise(1 << 20);
  write(source, "table", before);
  const VolumeId clone = branch_of(source);
  const UniqueFd fd = open_file(path(clone, "table"), O_WRONLY);
  const std::string page = noise(8192, 2);
  ASSERT_EQ(::pwrite(fd.get(), page.data(), page.size(), 65536), 8192);
  EXPECT_EQ(read(source, "table"), before);
  EXPECT_EQ(read(clone, "table"), std::string(before).replace(65536, 8192, page));
}

TEST_P(CloneContract, SnapshotStaysFrozen) {
  const VolumeId source = new_volume();
  write(source, "file", "then");
  const SnapshotId snapshot = snapshot_of(source);
  write(source, "file", "now");
  write(source, "later", "x");
  const VolumeId first = clone_of(source, snapshot);
  EXPECT_EQ(read(first, "file"), "then");
  EXPECT_FALSE(has(first, "later"));
  write(first, "file", "changed in the first clone");
  EXPECT_EQ(read(clone_of(source, snapshot), "file"), "then");
}

TEST_P(CloneContract, AttributesAreKept) {
  const VolumeId source = new_volume();
  write(source, "secret", "x");
  write(source, "directory/inside", "x");
  ::chmod(path(source, "secret").c_str(), 0640);
  ::chmod(path(source, "directory").c_str(), 0750);
  const timespec times[2] = {{1'000'000'000, 0}, {1'100'000'000, 0}};
  ::utimensat(AT_FDCWD, path(source, "secret").c_str(), times, 0);
  ::utimensat(AT_FDCWD, path(source, "directory").c_str(), times, 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::lchown(path(source, "secret").c_str(), 4242, 4343), 0);
  }
  fs::create_symlink("/somewhere/else", path(source, "link"));
  const VolumeId clone = branch_of(source);
  for (const char* name : {"secret", "directory", "directory/inside", "link"}) {
    const struct stat before = status_of(path(source, name));
    const struct stat after = status_of(path(clone, name));
    EXPECT_EQ(after.st_mode, before.st_mode) << name;
    EXPECT_EQ(after.st_uid, before.st_uid) << name;
    EXPECT_EQ(after.st_gid, before.st_gid) << name;
    EXPECT_EQ(after.st_mtim.tv_sec, before.st_mtim.tv_sec) << name;
  }
  EXPECT_EQ(fs::read_symlink(path(clone, "link")), "/somewhere/else");
}

TEST_P(CloneContract, HardLinksStayLinked) {
  const VolumeId source = new_volume();
  write(source, "one", "x");
  fs::create_hard_link(path(source, "one"), path(source, "two"));
  const VolumeId clone = branch_of(source);
  write(clone, "one", "changed");
  EXPECT_EQ(read(clone, "two"), "changed");
  EXPECT_EQ(read(source, "two"), "x");
}

TEST_P(CloneContract, SparseFilesStaySparse) {
  const VolumeId source = new_volume();
  constexpr off_t size = off_t{256} << 20;
  {
    const UniqueFd fd = open_file(path(source, "sparse"), O_RDWR | O_CREAT, 0600);
    const std::string block = noise(65536);
    ASSERT_EQ(::pwrite(fd.get(), block.data(), block.size(), size / 2), 65536);
    ASSERT_EQ(::ftruncate(fd.get(), size), 0);
    ::fsync(fd.get());
  }
  const VolumeId clone = branch_of(source);
  const struct stat status = status_of(path(clone, "sparse"));
  EXPECT_EQ(status.st_size, size);
  EXPECT_LT(status.st_blocks * 512, off_t{4} << 20);
  const UniqueFd fd = open_file(path(clone, "sparse"), O_RDONLY);
  std::string block(65536, '\0');
  ASSERT_EQ(::pread(fd.get(), block.data(), block.size(), size / 2), 65536);
  EXPECT_EQ(block, noise(65536));
  ASSERT_EQ(::pread(fd.get(), block.data(), block.size(), size / 2 + 65536), 65536);
  EXPECT_TRUE(std::all_of(block.begin(), block.end(), [](char byte) { return byte == 0; }));
}

TEST_P(CloneContract, LargeFileIsWhole) {
  const VolumeId source = new_volume();
  const std::string content = noise(size_t{40} << 20);
  write(source, "large", content);
  EXPECT_TRUE(read(branch_of(source), "large") == content);
}

TEST_P(CloneContract, ManySmallFilesAreAllThere) {
  const VolumeId source = new_volume();
  constexpr int count = 3000;
  for (int i = 0; i < count; ++i) {
    write(source, "d" + std::to_string(i % 30) + "/" + std::to_string(i), std::to_string(i));
  }
  const VolumeId clone = branch_of(source);
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(read(clone, "d" + std::to_string(i % 30) + "/" + std::to_string(i)), std::to_string(i));
  }
}

TEST_P(CloneContract, EmptyVolumeCanBeCloned) {
  EXPECT_TRUE(fs::is_empty(storage().volume_path(branch_of(new_volume()))));
}

TEST_P(CloneContract, CloneOfACloneHasBothHistories) {
  const VolumeId first = new_volume();
  write(first, "one", "1");
  const VolumeId second = branch_of(first);
  write(second, "two", "2");
  const VolumeId third = branch_of(second);
  EXPECT_EQ(read(third, "one"), "1");
  EXPECT_EQ(read(third, "two"), "2");
}

TEST_P(DirectCopyContract, DirectCopyNeedsNoSnapshot) {
  ASSERT_FALSE(traits().shares_space);
  const VolumeId source = new_volume();
  write(source, "data/file", "x");
  write(source, "data/pid", "x");
  const VolumeId clone = VolumeId::make();
  storage().copy_volume(source, clone, {.skip = {"data/pid"}});
  EXPECT_EQ(read(clone, "data/file"), "x");
  EXPECT_FALSE(has(clone, "data/pid"));
  EXPECT_TRUE(storage().list_snapshots().empty());
}

TEST_P(CloneContract, MakingWhatExistsIsRefused) {
  const VolumeId source = new_volume();
  const SnapshotId snapshot = snapshot_of(source);
  const VolumeId clone = clone_of(source, snapshot);
  write(clone, "precious", "x");
  EXPECT_EQ(error_of([&] { storage().create_volume(clone, {}); }).code(), ErrorCode::already_exists);
  EXPECT_EQ(error_of([&] { storage().clone_snapshot(source, snapshot, clone); }).code(), ErrorCode::already_exists);
  EXPECT_EQ(error_of([&] { storage().create_snapshot(source, snapshot, {}); }).code(), ErrorCode::already_exists);
  EXPECT_EQ(read(clone, "precious"), "x");
}

TEST_P(CloneContract, MissingSourceIsAnError) {
  const VolumeId volume = new_volume();
  EXPECT_THROW(storage().create_snapshot(VolumeId::make(), SnapshotId::make(), {}), Error);
  EXPECT_THROW(storage().clone_snapshot(volume, SnapshotId::make(), VolumeId::make()), Error);
  EXPECT_EQ(storage().list_volumes(), std::vector{volume});
}

TEST_P(CloneContract, ListsWhatExists) {
  EXPECT_TRUE(storage().list_volumes().empty());
  EXPECT_TRUE(storage().list_snapshots().empty());
  const VolumeId source = new_volume();
  const SnapshotId snapshot = snapshot_of(source);
  const VolumeId clone = clone_of(source, snapshot);
  std::vector<VolumeId> volumes = storage().list_volumes();
  std::sort(volumes.begin(), volumes.end());
  std::vector<VolumeId> expected{source, clone};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(volumes, expected);
  EXPECT_EQ(storage().list_snapshots(), std::vector{snapshot});
}

TEST_P(CloneContract, OpensAgain) {
  const VolumeId volume = new_volume();
  write(volume, "file", "x");
  const auto again = storage::open(set_up_result().location);
  EXPECT_EQ(again->list_volumes(), std::vector{volume});
  EXPECT_EQ(read_file(again->volume_path(volume) / "file"), "x");
}

BPG_CONTRACT_SUITE(CloneContract);
BPG_CONTRACT_SUITE_OF(DirectCopyContract, "copy");

}  // namespace

}  // namespace bpg::test
