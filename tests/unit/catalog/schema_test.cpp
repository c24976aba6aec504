#include "bpg/catalog/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "bpg/util/file.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"
#include "support/forked.hpp"

namespace bpg::catalog {
namespace {

using testing::HasSubstr;
using test::error_of;

constexpr std::string_view first = "CREATE TABLE fruit (name TEXT PRIMARY KEY) STRICT";
constexpr std::string_view second =
    "ALTER TABLE fruit ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'; INSERT INTO fruit VALUES ('cherry', 'red')";
constexpr std::string_view broken = "INSERT INTO fruit VALUES ('plum', 'blue'); INSERT INTO nowhere VALUES (1)";
constexpr std::string_view dangling =
    "CREATE TABLE tree (fruit TEXT REFERENCES fruit) STRICT; INSERT INTO tree VALUES ('pear')";
constexpr std::string_view rebuild =
    "CREATE TABLE new_fruit (name TEXT PRIMARY KEY, colour TEXT) STRICT; INSERT INTO new_fruit SELECT * FROM fruit;"
    "DROP TABLE fruit; ALTER TABLE new_fruit RENAME TO fruit";

template <size_t n>
std::unique_ptr<Connection> open_with(const fs::path& file, const std::string_view (&steps)[n]) {
  return open_store(file, steps);
}

int64_t number(Connection& connection, std::string_view query) {
  Statement statement = connection.prepare(query);
  return statement.step() ? statement.integer(0) : -1;
}

class SchemaTest : public testing::Test {
 protected:
  test::TemporaryDirectory m_directory;
  fs::path m_file = m_directory / "catalog.db";
};

TEST_F(SchemaTest, CountsItsSteps) {
  const auto connection = open_with(m_file, {first, second});
  EXPECT_EQ(number(*connection, "PRAGMA user_version"), 2);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM fruit"), 1);
}

TEST_F(SchemaTest, TakesAnOlderFileFurtherWithItsRows) {
  { open_with(m_file, {first})->run("INSERT INTO fruit VALUES ('apple')"); }
  const auto connection = open_with(m_file, {first, second});
  EXPECT_EQ(number(*connection, "PRAGMA user_version"), 2);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM fruit WHERE name = 'apple' AND colour = 'green'"), 1);
}

TEST_F(SchemaTest, RunsEachStepOnce) {
  { open_with(m_file, {first, second}); }
  EXPECT_EQ(number(*open_with(m_file, {first, second}), "SELECT count(*) FROM fruit"), 1);
}

TEST_F(SchemaTest, ThatFailsLeavesTheOlderFile) {
  { open_with(m_file, {first, second}); }
  EXPECT_THROW(open_with(m_file, {first, second, broken}), Error);
  EXPECT_THROW(open_with(m_file, {first, second, dangling}), Error) << "a key that refers to nothing";
  const auto connection = open_with(m_file, {first, second});
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM fruit"), 1);
}

TEST_F(SchemaTest, CanRebuildATableThatOthersReferTo) {
  {
    const auto connection = open_with(m_file, {first, second});
    connection->run_script("CREATE TABLE tree (fruit TEXT REFERENCES fruit); INSERT INTO tree VALUES ('cherry')");
  }
  const auto connection = open_with(m_file, {first, second, rebuild});
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM fruit"), 1);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM tree"), 1);
  EXPECT_EQ(number(*connection, "PRAGMA foreign_keys"), 1);
}

TEST_F(SchemaTest, OfANewerBpgIsRefusedAndKept) {
  { open_with(m_file, {first, second}); }
  const Error error = error_of([&] { open_with(m_file, {first}); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr("version 2"));
  EXPECT_THAT(error.hint(), HasSubstr("Upgrade bpg"));
  EXPECT_EQ(number(*open_with(m_file, {first, second}), "SELECT count(*) FROM fruit"), 1);
}

TEST_F(SchemaTest, OfAnotherProgramIsRefusedAndKept) {
  for (const int version : {0, 1}) {
    const fs::path file = m_directory / ("other" + std::to_string(version));
    {
      Connection other(file);
      other.run_script("CREATE TABLE theirs (a); PRAGMA user_version = " + std::to_string(version));
    }
    const std::string before = read_file(file);
    const Error error = error_of([&] { open_with(file, {first}); });
    EXPECT_EQ(error.code(), ErrorCode::environment);
    EXPECT_THAT(error.message(), HasSubstr("not a catalog of betterpg"));
    EXPECT_EQ(read_file(file), before);
  }
}

TEST_F(SchemaTest, OfAFileThatWasMadeButNotFilledBegins) {
  write_file_atomic(m_file, "", {.mode = 0600});
  EXPECT_EQ(number(*open_with(m_file, {first}), "PRAGMA user_version"), 1);
}

TEST_F(SchemaTest, TakesSnapshotsFromBeforeThereWereSchedulesForSomebodys) {
  {
    const auto connection = open_store(m_file, migrations().first(2));
    connection->run_script(
        "PRAGMA foreign_keys = OFF;"
        "INSERT INTO database VALUES ('db_0000000001', 'app', 15, 'app', 0, NULL);"
        "INSERT INTO branch (id, database, name, state, volume, port, sealed_password, wants_running, switching, created_at)"
        " VALUES ('br_0000000001', 'db_0000000001', 'main', 'ready', 'vol_0000000001', 1, '', 1, 0, 0);"
        "INSERT INTO volume (id, database, state, branch, started, created_at, retired_by)"
        " VALUES ('vol_0000000001', 'db_0000000001', 'ready', 'br_0000000001', 1, 0, '');"
        "INSERT INTO snapshot (id, volume, branch, state, label, user, consistency, created_at)"
        " VALUES ('snap_0000000001', 'vol_0000000001', 'br_0000000001', 'ready', 'old', 1, 'clean', 0)");
  }
  const auto connection = open_store(m_file, migrations());
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM snapshot WHERE label = 'old' AND scheduled = 0"), 1);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM snapshot_schedule"), 0);
}

TEST_F(SchemaTest, DatabasesFromBeforeContainersRunNatively) {
  open_store(m_file, migrations().first(4))
      ->run_script("INSERT INTO database VALUES ('db_0000000001', 'app', 15, 'app', 0, NULL)");
  EXPECT_EQ(number(*open_store(m_file, migrations()), "SELECT count(*) FROM database WHERE image IS NULL AND image_uid IS NULL"), 1);
}

TEST_F(SchemaTest, IsDurableAndChecked) {
  const auto connection = open_store(m_file, migrations());
  EXPECT_EQ(number(*connection, "PRAGMA synchronous"), 2) << "FULL";
  EXPECT_EQ(number(*connection, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(number(*connection, "PRAGMA user_version"), static_cast<int64_t>(migrations().size()));
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"
                                " AND name NOT LIKE 'sqlite_%' AND strict = 0"),
            0);
}

}  // namespace
}  // namespace bpg::catalog
