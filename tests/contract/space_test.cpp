#include <cerrno>
#include <fstream>
#include <optional>
#include <string>

#include "support/contract.hpp"
#include "support/small_file_system.hpp"

namespace bpg::test {

namespace {

constexpr uint64_t mb = uint64_t{1} << 20;

/// Writes into `file` until the file system is full.
void fill(const fs::path& file) {
  std::ofstream stream(file, std::ios::binary);
  const std::string block = noise(mb);
  while (stream << block << std::flush) {
  }
}

class FullFileSystem : public testing::Test {
 protected:
  static fs::path place() {
    const std::string copy = place_for({"copy", "BPG_TEST_COPY"});
    return copy.empty() ? fs::temp_directory_path() : fs::path(copy);
  }
};

TEST_F(FullFileSystem, CopySaysSoAndLeavesNothingAfterDestroy) {
  BPG_NEEDS_MOUNT("tmpfs");
  const SmallFileSystem small(place(), "tmpfs", 24 * mb);
  const auto location = storage::set_up({.driver = "copy", .home = small.path()}).location;
  const auto storage = storage::open(location);
  const VolumeId source = VolumeId::make();
  storage->create_volume(source, {});
  for (int i = 0; i < 16; ++i) {
    std::ofstream(storage->volume_path(source) / std::to_string(i), std::ios::binary) << noise(mb);
  }
  const uint64_t free_before = storage->space().free_bytes;
  const VolumeId clone = VolumeId::make();
  const Error error = error_of([&] { storage->copy_volume(source, clone, {}); });
  EXPECT_EQ(error.code(), ErrorCode::no_space) << error.message();
  EXPECT_FALSE(error.hint().empty());
  storage->destroy_volume(clone, {});
  EXPECT_EQ(storage->list_volumes(), std::vector{source});
  EXPECT_EQ(storage->space().free_bytes, free_before);
  storage->destroy_volume(source, {});
  storage::tear_down(location);
}

/// Clones need inodes, and those need space.
TEST_F(FullFileSystem, ReflinkSaysSoAndLeavesNothingAfterDestroy) {
  if (place_for({"reflink", "BPG_TEST_XFS"}).empty()) {
    GTEST_SKIP() << "BPG_TEST_XFS is not set";
  }
  BPG_NEEDS_MOUNT("xfs");
  const SmallFileSystem small(place(), "xfs", 320 * mb);
  const auto location = storage::set_up({.driver = "reflink", .home = small.path()}).location;
  const auto storage = storage::open(location);
  const VolumeId source = VolumeId::make();
  storage->create_volume(source, {});
  for (int i = 0; i < 20'000; ++i) {
    std::ofstream(storage->volume_path(source) / std::to_string(i)) << "x";
  }
  fill(small.path() / "ballast");
  const SnapshotId snapshot = SnapshotId::make();
  const Error error = error_of([&] { storage->create_snapshot(source, snapshot, {}); });
  EXPECT_EQ(error.code(), ErrorCode::no_space) << error.message();
  storage->destroy_snapshot(source, snapshot);
  EXPECT_TRUE(storage->list_snapshots().empty());
  storage->destroy_volume(source, {});
  fs::remove(small.path() / "ballast");
  storage::tear_down(location);
}

TEST_F(FullFileSystem, BtrfsPoolCanBeEmptied) {
  BPG_NEEDS_MOUNT("btrfs");
  const ScratchDirectory home(place());
  std::optional<storage::SetupResult> set_up;
  set_up = storage::set_up({.driver = "btrfs", .home = home.path(), .image_bytes = 256 * mb, .size_given = true});
  const auto storage = storage::open(set_up->location);
  const VolumeId source = VolumeId::make();
  storage->create_volume(source, {});
  std::ofstream(storage->volume_path(source) / "table", std::ios::binary) << noise(8 * mb);
  const SnapshotId snapshot = SnapshotId::make();
  storage->create_snapshot(source, snapshot, {});
  const VolumeId clone = VolumeId::make();
  storage->clone_snapshot(source, snapshot, clone);
  fill(storage->volume_path(clone) / "ballast");
  storage->destroy_volume(clone, std::vector{snapshot});
  EXPECT_EQ(storage->list_volumes(), std::vector{source});
  EXPECT_TRUE(read_file(storage->volume_path(source) / "table") == noise(8 * mb));
  storage->destroy_volume(source, {});
  storage::tear_down(set_up->location);
}

}  // namespace

}  // namespace bpg::test
