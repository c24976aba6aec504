#include "bpg/catalog/sqlite.hpp"

#include <gtest/gtest.h>

#include "bpg/catalog/columns.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"

namespace bpg::catalog {
namespace {

using namespace std::chrono_literals;
using test::error_of;

class SqliteTest : public testing::Test {
 protected:
  test::TemporaryDirectory m_directory;
  std::filesystem::path m_file = m_directory / "file.db";
  Connection m_connection{m_file};
};

TEST_F(SqliteTest, BindsAndReadsEachTypeOfColumn) {
  const VolumeId id = VolumeId::make();
  Statement row = m_connection.prepare("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8", 7, true, std::string("a\0b", 3),
                                       std::optional<int>(), Time(std::chrono::microseconds(-5)), Lsn{UINT64_MAX}, id,
                                       State::retired);
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.next<int>(), 7);
  EXPECT_TRUE(row.next<bool>());
  EXPECT_EQ(row.next<std::string>(), std::string("a\0b", 3));
  EXPECT_EQ(row.next<std::optional<int>>(), std::nullopt);
  EXPECT_EQ(row.next<Time>(), Time(std::chrono::microseconds(-5)));
  EXPECT_EQ(row.next<Lsn>(), Lsn{UINT64_MAX});
  EXPECT_EQ(row.next<VolumeId>(), id);
  EXPECT_EQ(row.next<State>(), State::retired);
  EXPECT_FALSE(row.step());
}

TEST_F(SqliteTest, AnEmptyTextIsNotNull) {
  Statement row = m_connection.prepare("SELECT ?1 IS NULL, ?1", std::string());
  ASSERT_TRUE(row.step());
  EXPECT_FALSE(row.next<bool>());
  EXPECT_EQ(row.next<std::optional<std::string>>(), "");
}

TEST_F(SqliteTest, AnIdOfTheWrongKindIsDamage) {
  Statement row = m_connection.prepare("SELECT 'br_4k0qz8w1tb'");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(error_of([&] { row.next<VolumeId>(); }).code(), ErrorCode::environment);
}

TEST_F(SqliteTest, WrongSqlIsAnError) {
  EXPECT_EQ(error_of([&] { m_connection.run("SELEKT"); }).code(), ErrorCode::environment);
  EXPECT_THROW(m_connection.run("SELECT 1", 2), Error) << "more values than parameters";
}

TEST_F(SqliteTest, WaitsNoLongerThanItsTimeout) {
  m_connection.run_script("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
  Connection other(m_file, 50ms);
  Transaction transaction(m_connection);
  m_connection.run("INSERT INTO t VALUES (1)");
  EXPECT_FALSE(other.prepare("SELECT a FROM t").step()) << "reading goes on";
  const Error error = error_of([&] { Transaction waiting(other); });
  EXPECT_EQ(error.code(), ErrorCode::busy);
  EXPECT_FALSE(error.hint().empty());
  transaction.commit();
  EXPECT_NO_THROW(Transaction{other});
}

TEST_F(SqliteTest, AFullFileIsNoSpaceAndRollsBack) {
  m_connection.run_script("CREATE TABLE t (a); PRAGMA max_page_count = 10");
  EXPECT_EQ(error_of([&] {
              Transaction transaction(m_connection);
              for (int i = 0; i < 1000; ++i) {
                m_connection.run("INSERT INTO t VALUES (?1)", std::string(1000, 'x'));
              }
              transaction.commit();
            }).code(),
            ErrorCode::no_space);
  EXPECT_FALSE(m_connection.in_transaction());
  EXPECT_FALSE(m_connection.prepare("SELECT a FROM t").step());
}

}  // namespace
}  // namespace bpg::catalog
