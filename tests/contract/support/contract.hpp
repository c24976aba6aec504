#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bpg/storage/storage.hpp"
#include "bpg/util/error.hpp"
#include "common/throws.hpp"

namespace bpg::test {

/// A driver and the environment variable that says where its tests may work.
struct Driver {
  std::string name;
  std::string variable;
};

inline std::ostream& operator<<(std::ostream& stream, const Driver& driver) { return stream << driver.name; }

/// The directory, or dataset, for tests of this driver; empty where the variable is not set.
std::string place_for(const Driver& driver);

/// A new directory that goes with this object.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const fs::path& parent);
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const fs::path& path() const { return m_path; }

 private:
  fs::path m_path;
};

/// Each test has a storage of its own. Whatever the test leaves is destroyed after it, and must be destroyable.
class Contract : public testing::TestWithParam<Driver> {
 protected:
  void SetUp() override;
  void TearDown() override;

  storage::Storage& storage() { return *m_storage; }
  const storage::SetupResult& set_up_result() const { return m_set_up; }
  const storage::Traits& traits() const { return m_storage->traits(); }

  VolumeId new_volume();
  SnapshotId snapshot_of(const VolumeId& volume, const storage::CopyRules& rules = {});
  VolumeId clone_of(const VolumeId& origin, const SnapshotId& snapshot);
  /// A snapshot and its clone, as a branch is made.
  VolumeId branch_of(const VolumeId& parent);

  fs::path path(const VolumeId& volume, const std::string& file) { return storage().volume_path(volume) / file; }
  void write(const VolumeId& volume, const std::string& file, std::string_view content);
  std::string read(const VolumeId& volume, const std::string& file);
  bool has(const VolumeId& volume, const std::string& file);

 private:
  void destroy_everything();

  std::unique_ptr<ScratchDirectory> m_scratch;
  storage::SetupResult m_set_up;
  std::unique_ptr<storage::Storage> m_storage;
};

/// `bytes` of text that does not compress to nothing, the same for the same seed.
std::string noise(size_t bytes, unsigned seed = 1);

/// The drivers as test parameters: all, or those of these names.
std::vector<Driver> all_drivers();
std::vector<Driver> drivers(std::initializer_list<std::string_view> names);
std::string driver_name(const testing::TestParamInfo<Driver>& info);

}  // namespace bpg::test

#define BPG_CONTRACT_SUITE(suite) \
  INSTANTIATE_TEST_SUITE_P(Drivers, suite, testing::ValuesIn(bpg::test::all_drivers()), bpg::test::driver_name)

/// For what only some drivers promise; their traits say which.
#define BPG_CONTRACT_SUITE_OF(suite, ...) \
  INSTANTIATE_TEST_SUITE_P(Drivers, suite, testing::ValuesIn(bpg::test::drivers({__VA_ARGS__})), bpg::test::driver_name)
