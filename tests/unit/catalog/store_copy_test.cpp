#include "bpg/catalog/store_copy.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "bpg/catalog/catalog.hpp"
#include "bpg/util/file.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"

namespace bpg::catalog {
namespace {

using test::error_of;

class StoreCopyTest : public testing::Test {
 protected:
  /// As one command does it.
  void write(const std::string& value) const {
    Catalog catalog = Catalog::open(m_file);
    catalog.write([&] { catalog.set_value("value", value); });
  }

  std::optional<std::string> value() const { return Catalog::open(m_file).value("value"); }

  void lose() const {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      fs::remove(m_file.string() + suffix);
    }
  }

  static void damage(const fs::path& file) {
    std::string bytes = read_file(file);
    bytes[bytes.size() / 2] ^= 1;
    write_file_atomic(file, bytes, {.mode = 0600});
  }

  test::TemporaryDirectory m_directory;
  fs::path m_file = m_directory / "catalog.db";
  fs::path m_copy = m_file.string() + ".copy";
  fs::path m_before = m_file.string() + ".copy.1";
};

TEST_F(StoreCopyTest, HoldsWhatTheLastCommandLeft) {
  write("first");
  write("second");
  lose();
  EXPECT_TRUE(has_copy(m_file));
  const auto made = put_copy_back(m_file);
  ASSERT_TRUE(made);
  EXPECT_LT(std::chrono::abs(system_clock().now() - *made), std::chrono::minutes(1));
  EXPECT_EQ(value(), "second");
  write("third");
  EXPECT_EQ(value(), "third");
}

TEST_F(StoreCopyTest, IsPrivate) {
  write("first");
  write("second");
  for (const fs::path& copy : {m_copy, m_before}) {
    struct stat status {};
    ASSERT_EQ(::stat(copy.c_str(), &status), 0) << copy;
    EXPECT_EQ(status.st_mode & 07777, 0600U) << copy;
  }
}

TEST_F(StoreCopyTest, IsLeftAloneByWhoeverChangesNothing) {
  write("first");
  write("second");
  const std::string copy = read_file(m_copy);
  const std::string before = read_file(m_before);
  EXPECT_NE(copy, before);
  EXPECT_EQ(value(), "second");
  EXPECT_EQ(read_file(m_copy), copy);
  EXPECT_EQ(read_file(m_before), before);
}

TEST_F(StoreCopyTest, ThatCannotBeWrittenLeavesThoseThatThereAre) {
  write("first");
  write("second");
  const std::string copy = read_file(m_copy);
  const std::string before = read_file(m_before);
  fs::create_directory(m_copy.string() + ".new");
  write("third");
  EXPECT_EQ(value(), "third") << "the command has done its work all the same";
  EXPECT_EQ(read_file(m_copy), copy);
  EXPECT_EQ(read_file(m_before), before);
}

TEST_F(StoreCopyTest, WhereItIsDamagedTheOneBeforeIsTaken) {
  write("first");
  write("second");
  lose();
  damage(m_copy);
  EXPECT_TRUE(put_copy_back(m_file));
  EXPECT_EQ(value(), "first");
}

TEST_F(StoreCopyTest, AnEmptyOneIsDamaged) {
  write("first");
  write("second");
  lose();
  write_file_atomic(m_copy, "");
  EXPECT_TRUE(put_copy_back(m_file));
  EXPECT_EQ(value(), "first");
}

TEST_F(StoreCopyTest, WhereNoneIsWholeNothingIsMade) {
  write("first");
  write("second");
  lose();
  damage(m_copy);
  damage(m_before);
  const Error error = error_of([&] { put_copy_back(m_file); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_FALSE(error.hint().empty());
  EXPECT_FALSE(fs::exists(m_file));
  EXPECT_TRUE(fs::exists(m_copy) && fs::exists(m_before));
}

TEST_F(StoreCopyTest, NeverTakesThePlaceOfAStore) {
  write("first");
  EXPECT_EQ(put_copy_back(m_file), std::nullopt);
  remove_store(m_file);
  EXPECT_FALSE(has_copy(m_file));
  EXPECT_EQ(put_copy_back(m_file), std::nullopt);
  EXPECT_FALSE(fs::exists(m_file));
}

TEST_F(StoreCopyTest, TheLogOfTheLostFileIsNotReplayedOverIt) {
  write("first");
  const std::string copy = read_file(m_copy);
  write("second");
  fs::remove(m_file);
  ASSERT_TRUE(fs::exists(m_file.string() + "-wal"));
  write_file_atomic(m_copy, copy, {.mode = 0600});
  EXPECT_TRUE(put_copy_back(m_file));
  EXPECT_EQ(value(), "first");
}

}  // namespace
}  // namespace bpg::catalog
