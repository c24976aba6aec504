#include <gmock/gmock.h>

#include "catalog/catalog_fixture.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using testing::ElementsAre;
using test::error_of;

class SnapshotRepositoryTest : public test::CatalogTest {
 protected:
  Snapshot add(const Snapshot& snapshot) {
    catalog.write([&] { catalog.snapshots.insert(snapshot); });
    return snapshot;
  }

  /// Points main at a new volume and gives up the old one.
  VolumeId move_main(State old_state) {
    Branch branch = *catalog.branches.find(main.id);
    Volume old = *catalog.volumes.find(branch.volume);
    old.state = old_state;
    branch.volume = VolumeId::make();
    catalog.write([&] {
      catalog.volumes.insert(make_volume(branch));
      catalog.branches.update(branch);
      catalog.volumes.update(old);
    });
    return branch.volume;
  }

  Database app = add_database("app");
  Branch main = add_branch(app.id, "main");
};

TEST_F(SnapshotRepositoryTest, FindsWhatWasInserted) {
  Snapshot snapshot = make_snapshot(main.volume, "before-migration", 4);
  snapshot.state = State::creating;
  snapshot.consistency = Consistency::labelled;
  snapshot.start_lsn = Lsn{1};
  snapshot.stop_lsn = Lsn{UINT64_MAX};
  add(snapshot);
  const auto found = catalog.snapshots.find(snapshot.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, snapshot.id);
  EXPECT_EQ(found->volume, main.volume);
  EXPECT_EQ(found->state, State::creating);
  EXPECT_EQ(found->label, "before-migration");
  EXPECT_TRUE(found->user);
  EXPECT_FALSE(found->scheduled);
  EXPECT_EQ(found->consistency, Consistency::labelled);
  EXPECT_EQ(found->start_lsn, Lsn{1});
  EXPECT_EQ(found->stop_lsn, Lsn{UINT64_MAX});
  EXPECT_EQ(found->created_at, at(4));
  EXPECT_FALSE(catalog.snapshots.find(SnapshotId::make()));
}

TEST_F(SnapshotRepositoryTest, UpdatesOneRow) {
  Snapshot snapshot = add(make_snapshot(main.volume, "a"));
  snapshot.state = State::deleting;
  snapshot.stop_lsn = Lsn{7};
  catalog.write([&] { catalog.snapshots.update(snapshot); });
  EXPECT_EQ(catalog.snapshots.find(snapshot.id)->state, State::deleting);
  EXPECT_EQ(catalog.snapshots.find(snapshot.id)->stop_lsn, Lsn{7});
  EXPECT_THAT(ids(catalog.snapshots.list(State::deleting)), ElementsAre(snapshot.id));
  EXPECT_EQ(error_of([&] { catalog.snapshots.update(make_snapshot(main.volume, "b")); }).code(), ErrorCode::failure);
}

TEST_F(SnapshotRepositoryTest, RemembersThatAScheduleMadeIt) {
  Snapshot snapshot = make_snapshot(main.volume, "");
  snapshot.scheduled = true;
  add(snapshot);
  EXPECT_TRUE(catalog.snapshots.find(snapshot.id)->scheduled);
  snapshot.scheduled = false;
  catalog.write([&] { catalog.snapshots.update(snapshot); });
  EXPECT_FALSE(catalog.snapshots.find(snapshot.id)->scheduled);
}

TEST_F(SnapshotRepositoryTest, NeedsItsVolume) {
  EXPECT_THROW(add(make_snapshot(VolumeId::make(), "a")), Error);
}

TEST_F(SnapshotRepositoryTest, ALabelIsUniqueInItsBranch) {
  Snapshot first = add(make_snapshot(main.volume, "a"));
  const VolumeId next = move_main(State::retired);
  const Error error = error_of([&] { add(make_snapshot(next, "a")); });
  EXPECT_EQ(error.code(), ErrorCode::already_exists) << "on another volume of the same branch, too";
  EXPECT_EQ(error.message(), "another snapshot has this label");
  EXPECT_NO_THROW(add(make_snapshot(add_branch(app.id, "dev").volume, "a")));

  first.state = State::deleted;
  catalog.write([&] { catalog.snapshots.update(first); });
  EXPECT_NO_THROW(add(make_snapshot(next, "a")));
}

TEST_F(SnapshotRepositoryTest, ManyMayHaveNoLabel) {
  add(make_snapshot(main.volume, ""));
  EXPECT_NO_THROW(add(make_snapshot(main.volume, "")));
  EXPECT_FALSE(catalog.snapshots.find_label(main.id, ""));
}

TEST_F(SnapshotRepositoryTest, OutlivesItsVolume) {
  const Snapshot second = add(make_snapshot(main.volume, "b", 2));
  const Snapshot first = add(make_snapshot(main.volume, "a", 1));
  Snapshot origin = make_snapshot(main.volume, "", 3);
  origin.user = false;
  add(origin);
  Snapshot gone = make_snapshot(main.volume, "", 0);
  gone.state = State::deleted;
  add(gone);
  const VolumeId next = move_main(State::deleted);
  const Snapshot third = add(make_snapshot(next, "c", 4));

  EXPECT_THAT(ids(catalog.snapshots.of_volume(main.volume)), ElementsAre(first.id, second.id, origin.id));
  EXPECT_THAT(ids(catalog.snapshots.of_branch(main.id)), ElementsAre(first.id, second.id, third.id));
  EXPECT_EQ(catalog.snapshots.find_label(main.id, "a")->id, first.id);
  EXPECT_EQ(catalog.snapshots.find_label(main.id, "c")->id, third.id);
  EXPECT_FALSE(catalog.snapshots.find_label(main.id, "d"));
  EXPECT_FALSE(catalog.snapshots.find_label(add_branch(app.id, "dev").id, "a"));
}

TEST_F(SnapshotRepositoryTest, IsErasedUnlessAVolumeCameFromIt) {
  const Snapshot undone = add(make_snapshot(main.volume, "a"));
  const Snapshot origin = add(make_snapshot(main.volume, "b"));
  const Branch dev = make_branch(app.id, "dev");
  Volume clone = make_volume(dev);
  clone.origin = origin.id;
  catalog.write([&] {
    catalog.branches.insert(dev);
    catalog.volumes.insert(clone);
  });
  catalog.write([&] { catalog.snapshots.erase(undone.id); });
  EXPECT_FALSE(catalog.snapshots.find(undone.id));
  EXPECT_THROW(catalog.write([&] { catalog.snapshots.erase(origin.id); }), Error);
  EXPECT_TRUE(catalog.snapshots.find(origin.id));
}

}  // namespace
}  // namespace bpg
