#include <algorithm>

#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"
#include "support/contract.hpp"

namespace bpg::test {

namespace {

class ZfsOnly : public Contract {
 protected:
  std::string dataset(const VolumeId& volume) const { return set_up_result().location.dataset + "/" + volume.str(); }

  std::string property(const std::string& name, const std::string& of) const {
    return std::string(trim(run_checked({"zfs", "get", "-H", "-o", "value", name, of})));
  }
};

TEST_P(ZfsOnly, ForeignSnapshotIsNotDestroyed) {
  const VolumeId volume = new_volume();
  write(volume, "file", "x");
  const std::string foreign = dataset(volume) + "@nightly";
  run_checked({"zfs", "snapshot", foreign});
  const SnapshotId own = snapshot_of(volume);
  const Error error = error_of([&] { storage().destroy_volume(volume, std::vector{own}); });
  EXPECT_EQ(error.code(), ErrorCode::refused);
  EXPECT_NE(error.message().find(foreign), std::string::npos) << error.message();
  EXPECT_EQ(read(volume, "file"), "x");
  EXPECT_EQ(storage().list_snapshots(), std::vector{own});
  storage::zfs::run_zfs_when_idle({"destroy", foreign});
}

TEST_P(ZfsOnly, ForeignChildIsNotDestroyed) {
  const VolumeId volume = new_volume();
  const std::string foreign = dataset(volume) + "/other";
  run_checked({"zfs", "create", foreign});
  EXPECT_EQ(error_of([&] { storage().destroy_volume(volume, {}); }).code(), ErrorCode::refused);
  storage::zfs::run_zfs_when_idle({"destroy", foreign});
}

TEST_P(ZfsOnly, PropertiesSuitPostgres) {
  const VolumeId volume = new_volume();
  EXPECT_EQ(property("recordsize", dataset(volume)), "16K");
  EXPECT_EQ(property("atime", dataset(volume)), "off");
  EXPECT_NE(property("compression", dataset(volume)), "off");
  EXPECT_EQ(property("logbias", dataset(volume)), "latency");
  EXPECT_EQ(property("primarycache", dataset(volume)), "all");
  EXPECT_EQ(property("dedup", dataset(volume)), "off");
}

/// What cannot be had of this ZFS is said, and nothing else.
TEST_P(ZfsOnly, SetUpSaysWhatThisZfsDoesNotKnow) {
  const bool knows_sync = run({"zfs", "get", "-H", "sync", set_up_result().location.dataset}).exit_status == 0;
  const auto& notes = set_up_result().notes;
  const bool said = std::ranges::any_of(notes, [](const std::string& note) { return note.find("sync") != std::string::npos; });
  EXPECT_NE(said, knows_sync);
}

TEST_P(ZfsOnly, LabelsAreUserProperties) {
  const VolumeId volume = VolumeId::make();
  storage().create_volume(volume, {}, {{"database", "app"}, {"branch", "main"}});
  const SnapshotId snapshot = snapshot_of(volume);
  const VolumeId clone = VolumeId::make();
  storage().clone_snapshot(volume, snapshot, clone, {{"database", "app"}, {"branch", "dev"}});
  EXPECT_EQ(property("betterpg:database", dataset(clone)), "app");
  EXPECT_EQ(property("betterpg:branch", dataset(volume)), "main");
  EXPECT_EQ(property("betterpg:branch", dataset(clone)), "dev");
  EXPECT_EQ(property("betterpg:origin", dataset(clone)), snapshot.str());
  storage().relabel({{clone, {{"branch", "fix"}, {"database", "app"}}}, {VolumeId::make(), {{"branch", "gone"}}}});
  EXPECT_EQ(property("betterpg:branch", dataset(clone)), "fix");
  EXPECT_EQ(property("betterpg:branch", dataset(volume)), "main");
}

TEST_P(ZfsOnly, OpenMountsWhatIsNotMounted) {
  const VolumeId volume = new_volume();
  write(volume, "file", "x");
  run_checked({"zfs", "unmount", dataset(volume)});
  fs::create_directories(storage().volume_path(volume));
  EXPECT_EQ(read_file(storage::open(set_up_result().location)->volume_path(volume) / "file"), "x");
}

/// A mount point that nothing belongs to any more, after a crash, is no obstacle.
TEST_P(ZfsOnly, OpenRemovesEmptyMountPoints) {
  const VolumeId gone = VolumeId::make();
  fs::create_directory(storage().volume_path(gone));
  storage::open(set_up_result().location);
  EXPECT_FALSE(fs::exists(storage().volume_path(gone)));
}

TEST_P(ZfsOnly, SetUpIsIdempotent) {
  const VolumeId volume = new_volume();
  const auto again = storage::set_up({.driver = "zfs",
                                      .pool = place_for(GetParam()),
                                      .home = set_up_result().location.root.parent_path()});
  EXPECT_EQ(again.location.dataset, set_up_result().location.dataset);
  EXPECT_EQ(storage::open(again.location)->list_volumes(), std::vector{volume});
}

TEST_P(ZfsOnly, TearDownIsRefusedWhileVolumesAreLeft) {
  const VolumeId volume = new_volume();
  EXPECT_EQ(error_of([&] { storage::tear_down(set_up_result().location); }).code(), ErrorCode::refused);
  EXPECT_EQ(storage().list_volumes(), std::vector{volume});
}

TEST_P(ZfsOnly, UnknownPoolGetsASuggestion) {
  std::string wrong = place_for(GetParam());
  wrong.back() = wrong.back() == 'x' ? 'y' : 'x';
  const Error error = error_of([&] {
    storage::set_up({.driver = "zfs", .pool = wrong, .home = set_up_result().location.root.parent_path()});
  });
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_NE(error.hint().find("Did you mean '" + place_for(GetParam())), std::string::npos) << error.hint();
}

INSTANTIATE_TEST_SUITE_P(Drivers, ZfsOnly, testing::Values(Driver{"zfs", "BPG_TEST_ZFS"}), driver_name);

}  // namespace

}  // namespace bpg::test
