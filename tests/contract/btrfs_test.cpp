#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "bpg/util/process.hpp"
#include "support/contract.hpp"

namespace bpg::test {

namespace {

class BtrfsOnly : public Contract {
 protected:
  void SetUp() override {
    if (!find_program("btrfs")) {
      GTEST_SKIP() << "'btrfs' is not installed";
    }
    Contract::SetUp();
  }
};

TEST_P(BtrfsOnly, NestedSubvolumeIsRefused) {
  const VolumeId volume = new_volume();
  write(volume, "data/file", "x");
  const fs::path nested = path(volume, "data/nested");
  run_checked({"btrfs", "subvolume", "create", nested.string()});
  const Error error = error_of([&] { storage().create_snapshot(volume, SnapshotId::make(), {}); });
  EXPECT_EQ(error.code(), ErrorCode::refused) << error.message();
  EXPECT_FALSE(error.hint().empty());
  EXPECT_TRUE(storage().list_snapshots().empty());
  EXPECT_EQ(error_of([&] { storage().destroy_volume(volume, {}); }).code(), ErrorCode::refused);
  EXPECT_EQ(read(volume, "data/file"), "x");
  run_checked({"btrfs", "subvolume", "delete", nested.string()});
  snapshot_of(volume);
}

TEST_P(BtrfsOnly, SnapshotsAreReadOnly) {
  const VolumeId volume = new_volume();
  const SnapshotId snapshot = snapshot_of(volume);
  std::ofstream stream(storage().snapshot_path(snapshot) / "file");
  EXPECT_FALSE(stream.is_open());
}

/// Who may not delete subvolumes empties them. In another process, which gives up being root.
TEST_P(BtrfsOnly, OrdinaryUsersMakeAndDestroy) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become an ordinary user";
  }
  constexpr uid_t nobody = 65534;
  const fs::path home = set_up_result().location.root / "user";
  make_directory(home, 0700, {.uid = nobody, .gid = nobody});
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    try {
      if (::setgid(nobody) == 0 && ::setuid(nobody) == 0) {
        const auto location = storage::set_up({.driver = "btrfs", .home = home}).location;
        const auto own = storage::open(location);
        const VolumeId volume = VolumeId::make();
        const VolumeId clone = VolumeId::make();
        const SnapshotId snapshot = SnapshotId::make();
        own->create_volume(volume, {});
        fs::create_directories(own->volume_path(volume) / "data");
        std::ofstream(own->volume_path(volume) / "data" / "file") << "x";
        own->create_snapshot(volume, snapshot, {});
        own->clone_snapshot(volume, snapshot, clone);
        own->destroy_volume(volume, std::vector{snapshot});
        const bool whole = read_file(own->volume_path(clone) / "data" / "file") == "x";
        own->destroy_volume(clone, {});
        status = whole && own->list_volumes().empty() && own->list_snapshots().empty() ? 0 : 2;
        storage::tear_down(location);
      }
    } catch (const Error& error) {
      std::fprintf(stderr, "as an ordinary user: %s\n", error.what());
    }
    ::_exit(status);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  fs::remove_all(home);
}

INSTANTIATE_TEST_SUITE_P(Drivers, BtrfsOnly, testing::Values(Driver{"btrfs", "BPG_TEST_BTRFS"}), driver_name);

}  // namespace

}  // namespace bpg::test
