#include <algorithm>
#include <string>
#include <vector>

#include "support/contract.hpp"

namespace bpg::test {

namespace {

class DestroyContract : public Contract {
 protected:
  bool exists(const VolumeId& volume) {
    const auto volumes = storage().list_volumes();
    return std::find(volumes.begin(), volumes.end(), volume) != volumes.end();
  }
  bool exists(const SnapshotId& snapshot) {
    const auto snapshots = storage().list_snapshots();
    return std::find(snapshots.begin(), snapshots.end(), snapshot) != snapshots.end();
  }
};

TEST_P(DestroyContract, VolumeAndItsSnapshotsGo) {
  const VolumeId volume = new_volume();
  write(volume, "data/file", "x");
  const std::vector snapshots{snapshot_of(volume), snapshot_of(volume)};
  storage().destroy_volume(volume, snapshots);
  EXPECT_TRUE(storage().list_volumes().empty());
  EXPECT_TRUE(storage().list_snapshots().empty());
  EXPECT_FALSE(fs::exists(storage().volume_path(volume)));
}

TEST_P(DestroyContract, CloneGoesWithItsOriginSnapshot) {
  const VolumeId parent = new_volume();
  write(parent, "file", "parent");
  const SnapshotId origin = snapshot_of(parent);
  const VolumeId clone = clone_of(parent, origin);
  storage().destroy_volume(clone, std::vector{origin});
  EXPECT_FALSE(exists(clone));
  EXPECT_FALSE(exists(origin));
  EXPECT_EQ(read(parent, "file"), "parent");
}

TEST_P(DestroyContract, CloneGoesAloneAndItsOriginStays) {
  const VolumeId parent = new_volume();
  write(parent, "file", "then");
  const SnapshotId origin = snapshot_of(parent);
  storage().destroy_volume(clone_of(parent, origin), {});
  EXPECT_TRUE(exists(origin));
  EXPECT_EQ(read(clone_of(parent, origin), "file"), "then");
}

TEST_P(DestroyContract, SnapshotGoesAfterItsClone) {
  const VolumeId parent = new_volume();
  const SnapshotId snapshot = snapshot_of(parent);
  storage().destroy_volume(clone_of(parent, snapshot), {});
  storage().destroy_snapshot(parent, snapshot);
  EXPECT_FALSE(exists(snapshot));
}

TEST_P(DestroyContract, SnapshotWithALivingClone) {
  const VolumeId parent = new_volume();
  write(parent, "file", "then");
  const SnapshotId snapshot = snapshot_of(parent);
  const VolumeId clone = clone_of(parent, snapshot);
  if (traits().dependent_clones) {
    const Error error = error_of([&] { storage().destroy_snapshot(parent, snapshot); });
    EXPECT_EQ(error.code(), ErrorCode::has_children);
    EXPECT_NE(error.message().find(clone.str()), std::string::npos) << error.message();
    EXPECT_EQ(error_of([&] { storage().destroy_volume(parent, std::vector{snapshot}); }).code(),
              ErrorCode::has_children);
    EXPECT_TRUE(exists(snapshot));
    EXPECT_TRUE(exists(parent));
  } else {
    storage().destroy_snapshot(parent, snapshot);
    EXPECT_FALSE(exists(snapshot));
  }
  EXPECT_EQ(read(clone, "file"), "then");
}

TEST_P(DestroyContract, ParentGoesBeforeItsClone) {
  const VolumeId parent = new_volume();
  write(parent, "file", "then");
  const SnapshotId origin = snapshot_of(parent);
  const VolumeId clone = clone_of(parent, origin);
  write(clone, "own", "x");
  storage().destroy_volume(parent, {});
  EXPECT_FALSE(exists(parent));
  EXPECT_TRUE(exists(origin));
  EXPECT_EQ(read(clone, "file"), "then");
  EXPECT_EQ(read(clone, "own"), "x");
  EXPECT_EQ(read(clone_of(parent, origin), "file"), "then");
}

TEST_P(DestroyContract, OriginGoesAfterItsVolumeAndTheClonesOfIt) {
  const VolumeId parent = new_volume();
  write(parent, "file", "then");
  const SnapshotId origin = snapshot_of(parent);
  const VolumeId first = clone_of(parent, origin);
  const VolumeId second = clone_of(parent, origin);
  storage().destroy_volume(parent, {});
  storage().destroy_volume(first, {});
  EXPECT_EQ(read(second, "file"), "then");
  storage().destroy_volume(second, std::vector{origin});
  EXPECT_TRUE(storage().list_volumes().empty());
  EXPECT_TRUE(storage().list_snapshots().empty());
}

TEST_P(DestroyContract, UnnamedSnapshotsOutliveTheirVolumeWithoutAClone) {
  const VolumeId volume = new_volume();
  write(volume, "file", "first");
  const SnapshotId first = snapshot_of(volume);
  write(volume, "file", "second");
  const SnapshotId second = snapshot_of(volume);
  write(volume, "file", "third");
  const SnapshotId third = snapshot_of(volume);
  storage().destroy_volume(volume, std::vector{second});
  EXPECT_FALSE(exists(volume));
  EXPECT_FALSE(exists(second));
  EXPECT_EQ(read(clone_of(volume, first), "file"), "first");
  EXPECT_EQ(read(clone_of(volume, third), "file"), "third");
}

TEST_P(DestroyContract, ParentWithClonesOfSeveralSnapshots) {
  const VolumeId parent = new_volume();
  std::vector<SnapshotId> snapshots;
  std::vector<VolumeId> clones;
  for (int i = 0; i < 3; ++i) {
    write(parent, "file", std::to_string(i));
    snapshots.push_back(snapshot_of(parent));
    clones.push_back(clone_of(parent, snapshots.back()));
    clones.push_back(clone_of(parent, snapshots.back()));
  }
  const SnapshotId unused = snapshot_of(parent);
  storage().destroy_volume(parent, std::vector{unused});
  EXPECT_FALSE(exists(parent));
  EXPECT_FALSE(exists(unused));
  for (size_t i = 0; i < clones.size(); ++i) {
    EXPECT_EQ(read(clones[i], "file"), std::to_string(i / 2));
  }
  for (size_t i = 0; i < snapshots.size(); ++i) {
    EXPECT_EQ(read(clone_of(parent, snapshots[i]), "file"), std::to_string(i));
  }
}

TEST_P(DestroyContract, DestroyingTwiceIsSuccess) {
  const VolumeId volume = new_volume();
  const SnapshotId snapshot = snapshot_of(volume);
  for (int i = 0; i < 2; ++i) {
    storage().destroy_snapshot(volume, snapshot);
    storage().destroy_volume(volume, std::vector{snapshot});
  }
  storage().destroy_volume(VolumeId::make(), std::vector{SnapshotId::make()});
  storage().destroy_snapshot(VolumeId::make(), SnapshotId::make());
  EXPECT_TRUE(storage().list_volumes().empty());
}

/// What a call that was killed leaves is destroyed like anything else: here, the volume without its origin.
TEST_P(DestroyContract, DestroyGoesOnWhereItWasInterrupted) {
  const VolumeId parent = new_volume();
  const SnapshotId origin = snapshot_of(parent);
  const VolumeId clone = clone_of(parent, origin);
  storage().destroy_volume(clone, {});
  storage().destroy_volume(clone, std::vector{origin});
  EXPECT_FALSE(exists(origin));
}

/// Ten volumes, each a clone of the one before.
class ChainContract : public DestroyContract {
 protected:
  static constexpr size_t length = 10;

  void make_chain() {
    m_volumes.push_back(new_volume());
    write(m_volumes.front(), "0", "0");
    for (size_t i = 1; i < length; ++i) {
      m_snapshots.push_back(snapshot_of(m_volumes.back()));
      m_volumes.push_back(clone_of(m_volumes.back(), m_snapshots.back()));
      write(m_volumes.back(), std::to_string(i), std::to_string(i));
    }
  }

  /// As the engine does: a volume goes with its origin, and with its snapshots that have no clone.
  void destroy(size_t i) {
    std::vector<SnapshotId> snapshots;
    if (i > 0) {
      snapshots.push_back(m_snapshots[i - 1]);
    }
    storage().destroy_volume(m_volumes[i], snapshots);
    m_destroyed.push_back(i);
    check();
  }

  void check() {
    for (size_t i = 0; i < length; ++i) {
      if (std::find(m_destroyed.begin(), m_destroyed.end(), i) != m_destroyed.end()) {
        EXPECT_FALSE(fs::exists(storage().volume_path(m_volumes[i])));
        continue;
      }
      for (size_t k = 0; k <= i; ++k) {
        ASSERT_EQ(read(m_volumes[i], std::to_string(k)), std::to_string(k)) << "in volume " << i;
      }
    }
  }

  void expect_nothing_left() {
    EXPECT_TRUE(storage().list_volumes().empty());
    EXPECT_TRUE(storage().list_snapshots().empty());
  }

 private:
  std::vector<VolumeId> m_volumes;
  std::vector<SnapshotId> m_snapshots;
  std::vector<size_t> m_destroyed;
};

TEST_P(ChainContract, FromTheTop) {
  make_chain();
  for (size_t i = 0; i < length; ++i) {
    destroy(i);
  }
  expect_nothing_left();
}

TEST_P(ChainContract, FromTheBottom) {
  make_chain();
  for (size_t i = length; i-- > 0;) {
    destroy(i);
  }
  expect_nothing_left();
}

TEST_P(ChainContract, FromTheMiddle) {
  make_chain();
  for (const size_t i : {5, 4, 6, 2, 8, 0, 9, 1, 7, 3}) {
    destroy(i);
  }
  expect_nothing_left();
}

BPG_CONTRACT_SUITE(DestroyContract);
BPG_CONTRACT_SUITE(ChainContract);

}  // namespace

}  // namespace bpg::test
