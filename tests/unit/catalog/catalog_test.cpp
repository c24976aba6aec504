#include "bpg/catalog/catalog.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>

#include "bpg/catalog/sqlite.hpp"
#include "bpg/util/file.hpp"
#include "catalog/catalog_fixture.hpp"
#include "common/throws.hpp"
#include "support/forked.hpp"

namespace bpg {
namespace {

using catalog::Catalog;
using testing::HasSubstr;
using test::error_of;
using test::Forked;

Database named(const std::string& name) {
  return {.id = DatabaseId::make(), .name = name, .pg_major = 15, .pg_database = name};
}

class CatalogFileTest : public testing::Test {
 protected:
  /// Files that this process has open in the directory.
  size_t open_files() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code ignored;
      count += fs::read_symlink(entry.path(), ignored).string().starts_with(m_directory.path().string()) ? 1U : 0U;
    }
    return count;
  }

  test::TemporaryDirectory m_directory;
  fs::path m_file = m_directory / "catalog.db";
};

TEST_F(CatalogFileTest, IsPrivateWhateverTheUmask) {
  const mode_t before = ::umask(0);
  Catalog catalog = Catalog::open(m_file);
  catalog.write([&] { catalog.set_value("a", "b"); });
  ::umask(before);
  for (const auto& entry : fs::directory_iterator(m_directory.path())) {
    struct stat status {};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U) << entry.path();
  }
}

TEST_F(CatalogFileTest, KeepsWhatWasWritten) {
  {
    Catalog catalog = Catalog::open(m_file);
    catalog.write([&] { catalog.set_value("storage", "/srv"); });
  }
  const Catalog catalog = Catalog::open(m_file);
  EXPECT_EQ(catalog.value("storage"), "/srv");
  EXPECT_EQ(catalog.value("other"), std::nullopt);
}

TEST_F(CatalogFileTest, ForgetsWhatWasErased) {
  Catalog catalog = Catalog::open(m_file);
  catalog.write([&] { catalog.set_value("a", "b"); });
  catalog.write([&] { catalog.erase_value("a"); });
  EXPECT_EQ(catalog.value("a"), std::nullopt);
  EXPECT_NO_THROW(catalog.write([&] { catalog.erase_value("never set"); }));
}

TEST_F(CatalogFileTest, KeepsItsLogFromOneOpeningToTheNext) {
  const auto write = [&](int number) {
    Catalog catalog = Catalog::open(m_file);
    catalog.write([&] { catalog.set_value("number", std::to_string(number)); });
  };
  write(0);
  const fs::path log = m_file.string() + "-wal";
  uintmax_t largest = 0;
  for (int number = 1; number <= 500; ++number) {
    write(number);
    ASSERT_TRUE(fs::exists(log)) << "each command would make it anew";
    largest = std::max(largest, fs::file_size(log));
    if (number % 100 == 0) {
      EXPECT_EQ(Catalog::open(m_file).value("number"), std::to_string(number));
    }
  }
  EXPECT_LT(largest, 3U << 20) << "each command reads it";
}

TEST_F(CatalogFileTest, IsMovable) {
  auto first = std::make_unique<Catalog>(Catalog::open(m_file));
  Catalog second = std::move(*first);
  first.reset();
  second.write([&] { second.databases.insert(named("app")); });
  EXPECT_TRUE(second.databases.find_live("app"));
}

TEST_F(CatalogFileTest, InAMissingDirectoryIsAnError) {
  EXPECT_EQ(error_of([&] { Catalog::open(m_directory / "none/catalog.db"); }).code(), ErrorCode::environment);
}

TEST_F(CatalogFileTest, OfAnotherAccountIsNotPermitted) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become nobody";
  }
  Catalog::open(m_file);
  fs::permissions(m_directory.path(), fs::perms::all);
  Forked child([&] {
    ::setuid(65534);
    return error_of([&] { Catalog::open(m_file); }).code() == ErrorCode::permission ? 0 : 1;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST_F(CatalogFileTest, IsNotLeftOpen) {
  { Catalog::open(m_file); }
  EXPECT_EQ(open_files(), 0U);
}

TEST_F(CatalogFileTest, ThatIsNoDatabaseIsDamaged) {
  write_file_atomic(m_file, std::string(8192, 'x'));
  const Error error = error_of([&] { Catalog::open(m_file); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr(m_file.string()));
  EXPECT_THAT(error.message(), HasSubstr("damaged"));
  EXPECT_FALSE(error.hint().empty());
  EXPECT_EQ(read_file(m_file), std::string(8192, 'x')) << "what may still be repaired is not touched";
  EXPECT_EQ(open_files(), 0U);
}

/// Writes the log back into the file.
void write_back(const fs::path& file) { catalog::Connection(file).run_script("PRAGMA wal_checkpoint(TRUNCATE)"); }

TEST_F(CatalogFileTest, CutShortIsDamaged) {
  { Catalog::open(m_file); }
  write_back(m_file);
  fs::resize_file(m_file, 5000);
  EXPECT_EQ(error_of([&] { Catalog::open(m_file).branches.list_live(); }).code(), ErrorCode::environment);
}

TEST_F(CatalogFileTest, WithScrambledPagesIsDamaged) {
  { Catalog::open(m_file); }
  write_back(m_file);
  {
    std::fstream stream(m_file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(4096);
    stream << std::string(fs::file_size(m_file) - 4096, '\x5a');
  }
  EXPECT_EQ(error_of([&] { Catalog::open(m_file).branches.list_live(); }).code(), ErrorCode::environment);
}

class CatalogWriteTest : public test::CatalogTest {};

TEST_F(CatalogWriteTest, OfWhichAPartThrowsDidNotHappen) {
  EXPECT_EQ(error_of([&] {
              catalog.write([&] {
                catalog.databases.insert(make_database("app"));
                catalog.set_value("a", "b");
                throw Error(ErrorCode::refused, "no");
              });
            }).code(),
            ErrorCode::refused);
  EXPECT_TRUE(catalog.databases.list_live().empty());
  EXPECT_EQ(catalog.value("a"), std::nullopt);
  EXPECT_NO_THROW(add_database("app")) << "the next write begins afresh";
}

TEST_F(CatalogWriteTest, AfterAViolationDidNotHappen) {
  EXPECT_THROW(catalog.write([&] {
    catalog.databases.insert(make_database("app"));
    catalog.databases.insert(make_database("app"));
  }),
               Error);
  EXPECT_TRUE(catalog.databases.list_live().empty());
}

TEST_F(CatalogWriteTest, DoesNotNest) {
  EXPECT_EQ(error_of([&] { catalog.write([&] { catalog.write([] {}); }); }).code(), ErrorCode::failure);
  EXPECT_NO_THROW(catalog.write([] {}));
}

TEST_F(CatalogWriteTest, IsSeenByOthersOnlyAsAWhole) {
  Catalog other = Catalog::open(file);
  catalog.write([&] {
    catalog.databases.insert(make_database("app"));
    EXPECT_TRUE(other.databases.list_live().empty());
    catalog.databases.insert(make_database("web"));
  });
  EXPECT_EQ(other.databases.list_live().size(), 2U);
}

TEST_F(CatalogWriteTest, ReplacesAValue) {
  catalog.write([&] { catalog.set_value("a", "1"); });
  catalog.write([&] { catalog.set_value("a", ""); });
  EXPECT_EQ(catalog.value("a"), "");
}

using CatalogProcessesTest = CatalogFileTest;

TEST_F(CatalogProcessesTest, LoseNothingOfEachOther) {
  constexpr int writes = 100;
  const auto count_up = [&] {
    Catalog catalog = Catalog::open(m_file);
    for (int i = 0; i < writes; ++i) {
      catalog.write([&] {
        const int counter = std::stoi(catalog.value("counter").value_or("0"));
        catalog.set_value("counter", std::to_string(counter + 1));
        catalog.databases.insert(named("db-" + std::to_string(counter)));
      });
    }
    return 0;
  };
  Forked first(count_up);  // both make the file, too
  Forked second(count_up);
  EXPECT_EQ(first.status(), 0);
  EXPECT_EQ(second.status(), 0);
  const Catalog catalog = Catalog::open(m_file);
  EXPECT_EQ(catalog.value("counter"), std::to_string(2 * writes));
  EXPECT_EQ(catalog.databases.list_live().size(), 2U * writes);
}

TEST_F(CatalogProcessesTest, MakeTheFileOnceWhereManyBegin) {
  for (int round = 0; round < 5; ++round) {
    const fs::path file = m_directory / ("catalog" + std::to_string(round));
    std::vector<std::unique_ptr<Forked>> children;
    for (int i = 0; i < 8; ++i) {
      children.push_back(std::make_unique<Forked>([&] {
        Catalog catalog = Catalog::open(file);
        catalog.write([&] { catalog.set_value(std::to_string(::getpid()), "x"); });
        return 0;
      }));
    }
    for (const auto& child : children) {
      EXPECT_EQ(child->status(), 0);
    }
  }
}

TEST_F(CatalogProcessesTest, KilledInAWriteLeaveTheOldState) {
  { Catalog::open(m_file); }
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  Forked writer([&] {
    Catalog catalog = Catalog::open(m_file);
    catalog.write([&] { catalog.databases.insert(named("before")); });
    catalog.write([&] {
      for (int i = 0; i < 5000; ++i) {  // more than SQLite's cache of 2 MB: some of it is in the file
        Database database = named("during-" + std::to_string(i));
        database.pg_database = std::string(1000, 'x');
        catalog.databases.insert(database);
      }
      write_all(ready[1], "x", "pipe");
      ::pause();
    });
    return 1;
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(writer.pid(), SIGKILL);
  EXPECT_EQ(writer.status(), 128 + SIGKILL);
  ::close(ready[0]);
  ::close(ready[1]);

  Catalog catalog = Catalog::open(m_file);
  ASSERT_EQ(catalog.databases.list_live().size(), 1U);
  EXPECT_EQ(catalog.databases.list_live()[0].name, "before");
  EXPECT_NO_THROW(catalog.write([&] { catalog.set_value("a", "b"); })) << "no lock is left behind";
}

}  // namespace
}  // namespace bpg
