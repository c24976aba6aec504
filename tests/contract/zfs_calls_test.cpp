#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"
#include "support/contract.hpp"

namespace bpg::test {

namespace {

/// Writes down what `zfs` is asked, by a script of that name in front of it in PATH.
class ZfsCalls : public Contract {
 protected:
  void SetUp() override {
    Contract::SetUp();
    if (IsSkipped()) {
      return;
    }
    m_directory = std::make_unique<ScratchDirectory>(fs::temp_directory_path());
    const fs::path script = m_directory->path() / "zfs";
    std::ofstream(script) << fmt::format("#!/bin/sh\necho \"$@\" >>{}\nexec {} \"$@\"\n", log().string(), find_program("zfs")->string());
    ::chmod(script.c_str(), 0755);
    m_path = std::getenv("PATH");
    ::setenv("PATH", (m_directory->path().string() + ":" + m_path).c_str(), 1);
  }

  void TearDown() override {
    if (!m_path.empty()) {
      ::setenv("PATH", m_path.c_str(), 1);
    }
    Contract::TearDown();
  }

  fs::path log() const { return m_directory->path() / "calls"; }

  /// The calls of some work, and how many of them list all datasets there are.
  struct Calls {
    size_t all = 0;
    size_t listings = 0;
    bool operator==(const Calls&) const = default;
  };
  template <class Work>
  Calls calls_of(Work&& work) {
    fs::remove(log());
    work();
    Calls calls;
    const auto text = read_file_if_exists(log());
    std::string_view before;
    for (const std::string_view line : split(text ? std::string_view(*text) : std::string_view(), '\n')) {
      if (line.empty() || line == before) {
        continue;  // again, since the dataset was busy
      }
      before = line;
      ++calls.all;
      calls.listings += line.starts_with("list ") && line.ends_with(set_up_result().location.dataset) ? 1 : 0;
    }
    return calls;
  }

  /// What a branch costs from its creation to its deletion, as the engine goes about it.
  std::vector<Calls> life_of_a_branch(const VolumeId& parent) {
    const SnapshotId origin = SnapshotId::make();
    const VolumeId clone = VolumeId::make();
    return {calls_of([&] { storage().create_snapshot(parent, origin, {}); }),
            calls_of([&] { storage().clone_snapshot(parent, origin, clone, {{"branch", "dev"}}); }),
            calls_of([&] { storage().usage(std::vector{clone}); }),
            calls_of([&] { storage().relabel({{clone, {{"branch", "fix"}}}}); }),
            calls_of([&] { storage().destroy_volume(clone, std::vector{origin}); })};
  }

 private:
  std::unique_ptr<ScratchDirectory> m_directory;
  std::string m_path;
};

TEST_P(ZfsCalls, AreAsManyForOneBranchAsBesideManyOthers) {
  const VolumeId parent = new_volume();
  const auto alone = life_of_a_branch(parent);
  const std::vector<Calls> expected{{1, 0}, {1, 0}, {1, 0}, {2, 0}, {3, 0}};
  EXPECT_EQ(alone, expected);
  for (int i = 0; i < 20; ++i) {
    branch_of(parent);
  }
  EXPECT_EQ(life_of_a_branch(parent), expected);
}

TEST_P(ZfsCalls, MeasureAllVolumesAtOnce) {
  const VolumeId parent = new_volume();
  std::vector<VolumeId> volumes{parent};
  const auto status = [&] {
    return calls_of([&] {
      storage::open(set_up_result().location)->space();
      EXPECT_EQ(storage().usage(volumes).size(), volumes.size());
    });
  };
  const Calls few = status();
  for (int i = 0; i < 20; ++i) {
    volumes.push_back(branch_of(parent));
  }
  EXPECT_EQ(few, (Calls{2, 0}));
  EXPECT_EQ(status(), few);
}

/// The origin of others: one listing to plan by, and one for each promote, which changes what there is.
TEST_P(ZfsCalls, ListOnceForEachPromote) {
  const auto destroy_parent_of = [&](int clones) {
    const VolumeId parent = new_volume();
    const SnapshotId origin = snapshot_of(parent);
    for (int i = 0; i < clones; ++i) {
      clone_of(parent, origin);
    }
    return calls_of([&] { storage().destroy_volume(parent, {}); });
  };
  const Calls one = destroy_parent_of(1);
  EXPECT_EQ(one.listings, 2U);
  EXPECT_EQ(destroy_parent_of(15), one);
}

/// Nothing is looked up where the snapshot is still where it was made.
TEST_P(ZfsCalls, DestroyASnapshotByItsName) {
  const VolumeId volume = new_volume();
  const SnapshotId snapshot = snapshot_of(volume);
  EXPECT_EQ(calls_of([&] { storage().destroy_snapshot(volume, snapshot); }), (Calls{1, 0}));
}

INSTANTIATE_TEST_SUITE_P(Drivers, ZfsCalls, testing::Values(Driver{"zfs", "BPG_TEST_ZFS"}), driver_name);

}  // namespace

}  // namespace bpg::test
