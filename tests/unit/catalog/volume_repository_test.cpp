#include <gmock/gmock.h>

#include "catalog/catalog_fixture.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using testing::ElementsAre;
using test::error_of;

class VolumeRepositoryTest : public test::CatalogTest {
 protected:
  Volume add_volume(State state, int seconds, std::optional<SnapshotId> origin = std::nullopt) {
    Volume volume = make_volume(main);
    volume.id = VolumeId::make();
    volume.state = state;
    volume.origin = origin;
    volume.created_at = at(seconds);
    catalog.write([&] { catalog.volumes.insert(volume); });
    return volume;
  }

  Database app = add_database("app");
  Branch main = add_branch(app.id, "main");
};

TEST_F(VolumeRepositoryTest, FindsWhatWasInserted) {
  const Snapshot snapshot = make_snapshot(main.volume, "");
  Volume volume = make_volume(main);
  volume.id = VolumeId::make();
  volume.state = State::retired;
  volume.parent = main.volume;
  volume.origin = snapshot.id;
  volume.fork_lsn = Lsn{0xFFFF'FFFF'0000'0001};  // more than SQLite's signed integers count
  volume.started = true;
  volume.created_at = at(1);
  volume.retired_at = at(2);
  volume.keep_until = at(3);
  volume.retired_by = "reset";
  catalog.write([&] {
    catalog.snapshots.insert(snapshot);
    catalog.volumes.insert(volume);
  });
  const auto found = catalog.volumes.find(volume.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, volume.id);
  EXPECT_EQ(found->database, app.id);
  EXPECT_EQ(found->state, State::retired);
  EXPECT_EQ(found->branch, main.id);
  EXPECT_EQ(found->parent, main.volume);
  EXPECT_EQ(found->origin, snapshot.id);
  EXPECT_EQ(found->fork_lsn, volume.fork_lsn);
  EXPECT_TRUE(found->started);
  EXPECT_EQ(found->created_at, at(1));
  EXPECT_EQ(found->retired_at, at(2));
  EXPECT_EQ(found->keep_until, at(3));
  EXPECT_EQ(found->retired_by, "reset");

  const auto plain = catalog.volumes.find(main.volume);
  EXPECT_FALSE(plain->started);
  EXPECT_EQ(plain->fork_lsn, std::nullopt);
  EXPECT_EQ(plain->origin, std::nullopt);
  EXPECT_EQ(plain->keep_until, std::nullopt);
  EXPECT_EQ(plain->retired_by, "");
}

TEST_F(VolumeRepositoryTest, UpdatesOneRow) {
  Volume volume = *catalog.volumes.find(main.volume);
  volume.state = State::retired;
  volume.fork_lsn = Lsn{5};
  volume.keep_until = at(100);
  catalog.write([&] { catalog.volumes.update(volume); });
  EXPECT_EQ(catalog.volumes.find(main.volume)->state, State::retired);
  EXPECT_EQ(catalog.volumes.find(main.volume)->fork_lsn, Lsn{5});
  EXPECT_EQ(catalog.volumes.find(main.volume)->keep_until, at(100));
  volume.id = VolumeId::make();
  EXPECT_EQ(error_of([&] { catalog.volumes.update(volume); }).code(), ErrorCode::failure);
}

TEST_F(VolumeRepositoryTest, ListsWhatExistsByCreation) {
  const Volume second = add_volume(State::retired, 2);
  const Volume first = add_volume(State::deleting, 1);
  const Volume gone = add_volume(State::deleted, 3);
  EXPECT_THAT(ids(catalog.volumes.list()), ElementsAre(main.volume, first.id, second.id));
  EXPECT_THAT(ids(catalog.volumes.of_branch(main.id)), ElementsAre(main.volume, first.id, second.id));
  EXPECT_THAT(ids(catalog.volumes.list(State::deleted)), ElementsAre(gone.id));
  EXPECT_THAT(ids(catalog.volumes.list(State::creating)), ElementsAre());
  EXPECT_TRUE(catalog.volumes.of_branch(add_branch(app.id, "dev").id).size() == 1);
}

TEST_F(VolumeRepositoryTest, ListsTheClonesOfASnapshot) {
  const Snapshot snapshot = make_snapshot(main.volume, "a");
  const Snapshot other = make_snapshot(main.volume, "b");
  catalog.write([&] {
    catalog.snapshots.insert(snapshot);
    catalog.snapshots.insert(other);
  });
  const Volume clone = add_volume(State::retired, 1, snapshot.id);
  add_volume(State::deleted, 2, snapshot.id);
  add_volume(State::ready, 3, other.id);
  EXPECT_THAT(ids(catalog.volumes.clones_of(snapshot.id)), ElementsAre(clone.id));
}

TEST_F(VolumeRepositoryTest, AnIdIsNotUsedTwice) {
  EXPECT_EQ(error_of([&] { catalog.volumes.insert(make_volume(main)); }).code(), ErrorCode::already_exists);
}

TEST_F(VolumeRepositoryTest, IsErasedWhereNothingRefersToIt) {
  const Volume undone = add_volume(State::creating, 1);
  catalog.write([&] { catalog.volumes.erase(undone.id); });
  EXPECT_FALSE(catalog.volumes.find(undone.id));
  EXPECT_NO_THROW(catalog.write([&] { catalog.volumes.erase(undone.id); })) << "recovery may come twice";
  EXPECT_THROW(catalog.write([&] { catalog.volumes.erase(main.volume); }), Error) << "main points at it";
}

}  // namespace
}  // namespace bpg
