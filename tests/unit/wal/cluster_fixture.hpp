#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>

#include "bpg/util/crc32c.hpp"
#include "bpg/util/file.hpp"
#include "bpg/wal/archive.hpp"
#include "bpg/wal/get.hpp"
#include "bpg/wal/push.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"
#include "wal/wal_builder.hpp"

namespace bpg::test {

/// A data directory with a control file and a pg_wal, as far as push looks at them, and its archive.
class ClusterTest : public testing::Test {
 protected:
  static constexpr uint64_t segment_size = 1 << 20;
  static constexpr uint64_t system_identifier = 42;

  ClusterTest() {
    fs::create_directories(m_wal / "archive_status");
    fs::create_directories(m_data / "global");
    std::string control(8192, '\0');
    const uint32_t version = 1300;
    const auto size = static_cast<uint32_t>(segment_size);
    const uint64_t id = system_identifier;
    std::memcpy(control.data(), &id, 8);
    std::memcpy(control.data() + 8, &version, 4);
    std::memcpy(control.data() + 228, &size, 4);
    const uint32_t crc = crc32c(control.data(), 288);
    std::memcpy(control.data() + 288, &crc, 4);
    write(m_data / "global" / "pg_control", control);
  }

  wal::Archive make_archive() {
    return wal::Archive::create(m_archive,
                                {.system_identifier = system_identifier, .segment_size = segment_size, .volume = "vol_1"});
  }

  static void write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }

  /// Puts a segment into pg_wal and marks it ready.
  fs::path add_segment(const std::string& name, const std::string& content) {
    write(m_wal / name, content);
    write(m_wal / "archive_status" / (name + ".ready"), "");
    return m_wal / name;
  }

  /// All segments that were built, from timeline 1.
  void add_segments(const WalBuilder& wal) {
    for (size_t i = 0; i < wal.segments(); ++i) {
      add_segment(wal::FileName::segment(1, wal.start().value / segment_size + i, segment_size).text, wal.segment(i));
    }
  }

  wal::PushResult push(const std::string& name, const wal::StoreOptions& store = {}) {
    return wal::push({.archive = m_archive, .source = m_wal / name, .data_directory = m_data, .store = store});
  }

  Error push_error(const std::string& name) {
    return error_of([&] { push(name); });
  }

  wal::GetResult get(const std::string& name) {
    return wal::get({.archive = m_archive, .name = name, .destination = m_destination, .spool = m_spool});
  }

  fs::path stored(const std::string& name) const { return m_archive / name.substr(0, 16) / (name + ".z"); }

  static size_t count(const fs::path& directory) {
    return fs::exists(directory)
               ? static_cast<size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()))
               : 0;
  }

  TemporaryDirectory m_directory;
  fs::path m_data = m_directory / "data";
  fs::path m_wal = m_data / "pg_wal";
  fs::path m_archive = m_directory / "archive";
  fs::path m_destination = m_wal / "RECOVERYXLOG";
  fs::path m_spool = m_wal / "bpg-spool";
};

inline const Time noon{std::chrono::microseconds(1'790'000'000'123'456)};

/// `count` segments of 1 MB with a commit in each.
inline WalBuilder some_segments(size_t count) {
  WalBuilder wal;
  uint32_t xid = 100;
  while (wal.segments() < count) {
    wal.add_other(50'000);
    wal.add_commit(xid++, noon + std::chrono::seconds(xid));
    if (wal.bytes().size() % (1 << 20) > 900'000) {
      wal.add_switch();
    }
  }
  return wal;
}

}  // namespace bpg::test
