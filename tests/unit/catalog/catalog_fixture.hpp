#pragma once

#include <gtest/gtest.h>

#include "bpg/catalog/catalog.hpp"
#include "common/temporary_directory.hpp"

namespace bpg::test {

/// A catalog in a directory of its own, and rows to put into it.
class CatalogTest : public testing::Test {
 protected:
  static Time at(int seconds) { return Time(std::chrono::seconds(1'790'000'000 + seconds)); }

  Database make_database(const std::string& name) {
    return {.id = DatabaseId::make(), .name = name, .pg_major = 15, .pg_database = name, .created_at = at(0)};
  }

  /// A ready branch; each has a port of its own.
  Branch make_branch(const DatabaseId& database, const std::string& name) {
    const int number = m_branches++;
    return {.id = BranchId::make(),
            .database = database,
            .name = name,
            .state = State::ready,
            .volume = VolumeId::make(),
            .port = 15432 + number,
            .created_at = at(number)};
  }

  static Volume make_volume(const Branch& branch) {
    return {.id = branch.volume,
            .database = branch.database,
            .state = State::ready,
            .branch = branch.id,
            .created_at = branch.created_at};
  }

  static Snapshot make_snapshot(const VolumeId& volume, const std::string& label, int seconds = 0) {
    return {.id = SnapshotId::make(),
            .volume = volume,
            .state = State::ready,
            .label = label,
            .user = true,
            .created_at = at(seconds)};
  }

  Database add_database(const std::string& name) {
    const Database database = make_database(name);
    catalog.write([&] { catalog.databases.insert(database); });
    return database;
  }

  /// A branch with its volume.
  Branch add(const Branch& branch) {
    catalog.write([&] {
      catalog.branches.insert(branch);
      catalog.volumes.insert(make_volume(branch));
    });
    return branch;
  }
  Branch add_branch(const DatabaseId& database, const std::string& name) { return add(make_branch(database, name)); }

  template <class Row>
  static auto ids(const std::vector<Row>& rows) {
    std::vector<decltype(Row::id)> result;
    for (const Row& row : rows) {
      result.push_back(row.id);
    }
    return result;
  }

  TemporaryDirectory directory;
  std::filesystem::path file = directory / "catalog.db";
  catalog::Catalog catalog = catalog::Catalog::open(file);

 private:
  int m_branches = 0;
};

}  // namespace bpg::test
