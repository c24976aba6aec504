#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "support/contract.hpp"

namespace bpg::test {

namespace {

/// Makes and removes files in a directory, as a server does with its temporary ones, until it goes.
class Churn {
 public:
  explicit Churn(fs::path directory) : m_directory(std::move(directory)) {
    m_thread = std::thread([this] { run(); });
    m_rounds.wait(0);
  }
  ~Churn() {
    m_stop = true;
    m_thread.join();
  }

  int rounds() const { return m_rounds; }

 private:
  void run() {
    while (!m_stop) {
      const fs::path sub = m_directory / ("sub" + std::to_string(m_rounds % 7));
      fs::create_directories(sub);
      for (int i = 0; i < 20; ++i) {
        std::ofstream(m_directory / ("t" + std::to_string(i))) << std::string(5000, 'x');
        std::ofstream(sub / std::to_string(i)) << "x";
      }
      for (int i = 0; i < 20; ++i) {
        fs::remove(m_directory / ("t" + std::to_string(i)));
      }
      fs::remove_all(sub);
      ++m_rounds;
      m_rounds.notify_all();
    }
  }

  fs::path m_directory;
  std::atomic<bool> m_stop = false;
  std::atomic<int> m_rounds = 0;
  std::thread m_thread;
};

class RunningSourceContract : public Contract {};
class AtomicContract : public RunningSourceContract {};
class FileByFileContract : public RunningSourceContract {};

TEST_P(RunningSourceContract, WhatVanishesIsLeftOut) {
  const VolumeId source = new_volume();
  for (int i = 0; i < 300; ++i) {
    write(source, "stable/" + std::to_string(i), noise(20'000, static_cast<unsigned>(i)));
  }
  const Churn churn(storage().volume_path(source));
  for (int round = 0; round < 5; ++round) {
    const VolumeId clone = branch_of(source);
    for (int i = 0; i < 300; ++i) {
      ASSERT_EQ(read(clone, "stable/" + std::to_string(i)), noise(20'000, static_cast<unsigned>(i)));
    }
  }
  EXPECT_GT(churn.rounds(), 0);
}

TEST_P(RunningSourceContract, AFileThatShrinksIsFine) {
  const VolumeId source = new_volume();
  write(source, "table", noise(size_t{8} << 20));
  std::atomic<bool> stop = false;
  std::thread shrinker([&] {
    while (!stop) {
      fs::resize_file(path(source, "table"), 8192);
      fs::resize_file(path(source, "table"), size_t{8} << 20);
    }
  });
  for (int round = 0; round < 5; ++round) {
    EXPECT_NO_THROW({
      const VolumeId clone = branch_of(source);
      EXPECT_EQ(read(clone, "table").substr(0, 8192), noise(8192));
    });
  }
  stop = true;
  shrinker.join();
}

TEST_P(AtomicContract, AtomicSnapshotsAreOneMoment) {
  ASSERT_TRUE(traits().atomic_snapshot);
  const VolumeId source = new_volume();
  write(source, "a/counter", "0");
  write(source, "z/counter", "0");
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    // "z" first: in one moment it is equal or one ahead, whichever is read first.
    for (int i = 1; !stop; ++i) {
      for (const char* name : {"z/counter", "a/counter"}) {
        const fs::path target = path(source, name);
        std::ofstream(target.string() + ".new") << i;
        fs::rename(target.string() + ".new", target);
      }
    }
  });
  for (int round = 0; round < 10; ++round) {
    const VolumeId clone = branch_of(source);
    const int a = std::stoi("0" + read(clone, "a/counter"));
    const int z = std::stoi("0" + read(clone, "z/counter"));
    EXPECT_TRUE(z == a || z == a + 1) << a << " and " << z;
  }
  stop = true;
  writer.join();
}

TEST_P(FileByFileContract, CopyRulesLeaveOut) {
  ASSERT_FALSE(traits().atomic_snapshot);
  const VolumeId source = new_volume();
  for (const char* file :
       {"data/postmaster.pid", "data/pg_wal/000000010000000000000001", "data/pg_wal/archive_status/x",
        "data/base/1/1", "data/pgsql_tmp/t", "postmaster.pid", "data/pg_wal_not/x"}) {
    write(source, file, "x");
  }
  const SnapshotId snapshot =
      snapshot_of(source, {.skip = {"data/postmaster.pid", "data/pgsql_tmp"}, .skip_contents = {"data/pg_wal"}});
  const VolumeId clone = clone_of(source, snapshot);
  EXPECT_FALSE(has(clone, "data/postmaster.pid"));
  EXPECT_FALSE(has(clone, "data/pgsql_tmp"));
  EXPECT_TRUE(has(clone, "data/pg_wal"));
  EXPECT_TRUE(fs::is_empty(path(clone, "data/pg_wal")));
  EXPECT_TRUE(has(clone, "postmaster.pid"));
  EXPECT_TRUE(has(clone, "data/pg_wal_not/x"));
  EXPECT_TRUE(has(clone, "data/base/1/1"));
}

TEST_P(FileByFileContract, WhatIsAddedToASnapshotComesIntoItsClones) {
  ASSERT_FALSE(traits().atomic_snapshot);
  const VolumeId source = new_volume();
  write(source, "data/base/1/1", "x");
  const SnapshotId snapshot = snapshot_of(source);
  std::ofstream(storage().snapshot_path(snapshot) / "data" / "backup_label") << "START WAL";
  EXPECT_EQ(read(clone_of(source, snapshot), "data/backup_label"), "START WAL");
  EXPECT_FALSE(has(source, "data/backup_label"));
}

BPG_CONTRACT_SUITE(RunningSourceContract);
BPG_CONTRACT_SUITE_OF(AtomicContract, "zfs", "btrfs");
BPG_CONTRACT_SUITE_OF(FileByFileContract, "reflink", "copy");

}  // namespace

}  // namespace bpg::test
