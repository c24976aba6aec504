#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "support/contract.hpp"

namespace bpg::test {

namespace {

constexpr uint64_t mb = uint64_t{1} << 20;

class UsageContract : public Contract {
 protected:
  void write_durably(const VolumeId& volume, const std::string& file, size_t bytes, unsigned seed) {
    write(volume, file, noise(bytes, seed));
    fsync_path(path(volume, file));
    sync_file_system(storage().volume_path(volume));
  }

  storage::Usage usage_of(const VolumeId& volume) { return storage().usage(std::vector{volume}).at(volume); }

  /// ZFS accounts when it closes a transaction group, every 5 to 30 seconds, or sooner where a dataset is made.
  template <class Condition>
  storage::Usage usage_when(const VolumeId& volume, Condition&& condition) {
    if (traits().cheap_usage) {
      new_volume();
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    storage::Usage usage = usage_of(volume);
    while (!condition(usage) && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      usage = usage_of(volume);
    }
    return usage;
  }
};
class SharingContract : public UsageContract {};
class FullCopyContract : public UsageContract {};

bool about(uint64_t bytes, uint64_t expected) { return bytes + mb >= expected && bytes <= expected + mb; }

TEST_P(UsageContract, VolumeAloneIsUnique) {
  const VolumeId volume = new_volume();
  write_durably(volume, "table", 16 * mb, 1);
  const auto usage = usage_when(volume, [](const auto& now) { return about(now.unique_bytes, 16 * mb); });
  EXPECT_TRUE(about(usage.unique_bytes, 16 * mb)) << usage.unique_bytes;
  EXPECT_LT(usage.shared_bytes, mb);
}

TEST_P(SharingContract, FreshCloneCostsNextToNothing) {
  ASSERT_TRUE(traits().shares_space);
  const VolumeId parent = new_volume();
  write_durably(parent, "table", 16 * mb, 1);
  const VolumeId clone = branch_of(parent);
  const auto usage = usage_when(clone, [](const auto& now) { return about(now.shared_bytes, 16 * mb); });
  EXPECT_LT(usage.unique_bytes, mb);
  EXPECT_TRUE(about(usage.shared_bytes, 16 * mb)) << usage.shared_bytes;
}

TEST_P(SharingContract, WhatTheCloneWritesIsItsOwn) {
  ASSERT_TRUE(traits().shares_space);
  const VolumeId parent = new_volume();
  write_durably(parent, "table", 16 * mb, 1);
  const VolumeId clone = branch_of(parent);
  write_durably(clone, "more", 8 * mb, 2);
  const auto usage = usage_when(clone, [](const auto& now) { return about(now.unique_bytes, 8 * mb); });
  EXPECT_TRUE(about(usage.unique_bytes, 8 * mb)) << usage.unique_bytes;
  EXPECT_TRUE(about(usage.shared_bytes, 16 * mb)) << usage.shared_bytes;
}

TEST_P(SharingContract, WhatTheCloneOverwritesIsItsOwn) {
  ASSERT_TRUE(traits().shares_space);
  const VolumeId parent = new_volume();
  write_durably(parent, "table", 16 * mb, 1);
  const VolumeId clone = branch_of(parent);
  {
    const UniqueFd fd = open_file(path(clone, "table"), O_WRONLY);
    const std::string half = noise(8 * mb, 3);
    ASSERT_EQ(::pwrite(fd.get(), half.data(), half.size(), 4 * mb), static_cast<ssize_t>(half.size()));
    ::fsync(fd.get());
  }
  sync_file_system(storage().volume_path(clone));
  const auto usage = usage_when(clone, [](const auto& now) { return about(now.unique_bytes, 8 * mb); });
  EXPECT_TRUE(about(usage.unique_bytes, 8 * mb)) << usage.unique_bytes;
  EXPECT_TRUE(about(usage.shared_bytes, 8 * mb)) << usage.shared_bytes;
}

TEST_P(FullCopyContract, CopiesCostTheirFullSize) {
  ASSERT_FALSE(traits().shares_space);
  const VolumeId parent = new_volume();
  write_durably(parent, "table", 16 * mb, 1);
  const VolumeId clone = branch_of(parent);
  EXPECT_TRUE(about(usage_of(clone).unique_bytes, 16 * mb)) << usage_of(clone).unique_bytes;
  EXPECT_EQ(usage_of(clone).shared_bytes, 0U);
}

TEST_P(UsageContract, HardLinksCountOnce) {
  const VolumeId volume = new_volume();
  write_durably(volume, "one", 8 * mb, 1);
  fs::create_hard_link(path(volume, "one"), path(volume, "two"));
  const auto usage = usage_when(volume, [](const auto& now) { return about(now.unique_bytes, 8 * mb); });
  EXPECT_TRUE(about(usage.unique_bytes, 8 * mb)) << usage.unique_bytes;
}

TEST_P(UsageContract, VolumesThatDoNotExistAreLeftOut) {
  const VolumeId volume = new_volume();
  const auto usage = storage().usage(std::vector{VolumeId::make(), volume, VolumeId::make()});
  ASSERT_EQ(usage.size(), 1U);
  EXPECT_EQ(usage.begin()->first, volume);
}

TEST_P(UsageContract, SpaceIsPlausible) {
  const storage::Space space = storage().space();
  EXPECT_GT(space.free_bytes, 0U);
  EXPECT_GE(space.total_bytes, space.free_bytes);
}

BPG_CONTRACT_SUITE(UsageContract);
BPG_CONTRACT_SUITE_OF(SharingContract, "zfs", "btrfs", "reflink");
BPG_CONTRACT_SUITE_OF(FullCopyContract, "copy");

}  // namespace

}  // namespace bpg::test
