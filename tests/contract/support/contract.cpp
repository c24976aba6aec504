#include "support/contract.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>

namespace bpg::test {

std::vector<Driver> all_drivers() {
  return {{"zfs", "BPG_TEST_ZFS"}, {"btrfs", "BPG_TEST_BTRFS"}, {"reflink", "BPG_TEST_XFS"}, {"copy", "BPG_TEST_COPY"}};
}

std::vector<Driver> drivers(std::initializer_list<std::string_view> names) {
  std::vector<Driver> chosen = all_drivers();
  std::erase_if(chosen, [&](const Driver& driver) { return std::ranges::find(names, driver.name) == names.end(); });
  return chosen;
}

std::string driver_name(const testing::TestParamInfo<Driver>& info) { return info.param.name; }

std::string place_for(const Driver& driver) {
  const char* value = std::getenv(driver.variable.c_str());
  return value ? value : "";
}

ScratchDirectory::ScratchDirectory(const fs::path& parent) {
  std::string name = (parent / "contract-XXXXXX").string();
  if (!::mkdtemp(name.data())) {
    throw std::runtime_error("cannot make a directory in " + parent.string());
  }
  m_path = name;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  fs::remove_all(m_path, ignored);
}

void Contract::SetUp() {
  const std::string place = place_for(GetParam());
  if (place.empty()) {
    GTEST_SKIP() << GetParam().variable << " is not set";
  }
  const bool is_dataset = GetParam().name == "zfs";
  m_scratch = std::make_unique<ScratchDirectory>(is_dataset ? fs::temp_directory_path() : fs::path(place));
  fs::permissions(m_scratch->path(), fs::perms(0711));
  m_set_up = storage::set_up(
      {.driver = GetParam().name, .pool = is_dataset ? place : "", .home = m_scratch->path()});
  m_storage = storage::open(m_set_up.location);
}

void Contract::TearDown() {
  if (m_storage) {
    destroy_everything();
    storage::tear_down(m_set_up.location);
  }
}

void Contract::destroy_everything() {
  for (const VolumeId& volume : storage().list_volumes()) {
    storage().destroy_volume(volume, {});
  }
  for (const SnapshotId& snapshot : storage().list_snapshots()) {
    storage().destroy_snapshot(VolumeId::make(), snapshot);
  }
  EXPECT_TRUE(storage().list_volumes().empty());
  EXPECT_TRUE(storage().list_snapshots().empty());
}

VolumeId Contract::new_volume() {
  const VolumeId volume = VolumeId::make();
  storage().create_volume(volume, {});
  return volume;
}

SnapshotId Contract::snapshot_of(const VolumeId& volume, const storage::CopyRules& rules) {
  const SnapshotId snapshot = SnapshotId::make();
  storage().create_snapshot(volume, snapshot, rules);
  return snapshot;
}

VolumeId Contract::clone_of(const VolumeId& origin, const SnapshotId& snapshot) {
  const VolumeId clone = VolumeId::make();
  storage().clone_snapshot(origin, snapshot, clone);
  return clone;
}

VolumeId Contract::branch_of(const VolumeId& parent) { return clone_of(parent, snapshot_of(parent)); }

void Contract::write(const VolumeId& volume, const std::string& file, std::string_view content) {
  const fs::path target = path(volume, file);
  fs::create_directories(target.parent_path());
  std::ofstream stream(target, std::ios::binary | std::ios::trunc);
  stream << content;
  stream.close();
  ASSERT_TRUE(stream) << "cannot write " << target;
}

std::string Contract::read(const VolumeId& volume, const std::string& file) { return read_file(path(volume, file)); }

bool Contract::has(const VolumeId& volume, const std::string& file) {
  return fs::exists(fs::symlink_status(path(volume, file)));
}

std::string noise(size_t bytes, unsigned seed) {
  std::string text(bytes, '\0');
  std::mt19937 generator(seed);
  size_t i = 0;
  for (; i + 4 <= bytes; i += 4) {
    const auto word = static_cast<uint32_t>(generator());
    for (size_t k = 0; k < 4; ++k) {
      text[i + k] = static_cast<char>(word >> (8 * k));
    }
  }
  return text;
}

}  // namespace bpg::test
