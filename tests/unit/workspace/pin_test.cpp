#include "bpg/workspace/pin.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpg/util/file.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"

namespace bpg::workspace {
namespace {

using test::error_of;
using test::TemporaryDirectory;
using ::testing::HasSubstr;

class PinTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& text, const fs::path& below = {}) {
    fs::create_directories(m_directory.path() / below);
    const fs::path file = m_directory.path() / below / pin_name;
    write_file_atomic(file, text);
    return file;
  }
  std::string refusal(const std::string& text) {
    const fs::path file = write(text);
    const Error error = error_of([&] { read_pin(file); });
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_THAT(error.message(), HasSubstr(file.string()));
    return error.message().substr(file.string().size()) + " | " + error.hint();
  }
  TemporaryDirectory m_directory;
};

TEST_F(PinTest, SaysDatabaseAndParent) {
  const Pin pin = read_pin(write("# ours\ndatabase: app\nparent: develop@fixtures\n"));
  EXPECT_EQ(pin.database, "app");
  EXPECT_EQ(pin.parent.str(), "app/develop@fixtures");
  EXPECT_EQ(read_pin(write("database: app\n")).parent.str(), "app/main");
  EXPECT_EQ(read_pin(write("database: app\nparent: app/develop\n")).parent.str(), "app/develop");
}

TEST_F(PinTest, IsReadStrictly) {
  EXPECT_EQ(refusal("database: app\nparnet: x\n"), ":2: unknown key 'parnet' | Did you mean 'parent'?");
  EXPECT_THAT(refusal("database: app\ncolour: x\n"), HasSubstr(":2: unknown key 'colour' | It has"));
  EXPECT_THAT(refusal("parent: x\n"), HasSubstr("'database' is missing"));
  EXPECT_THAT(refusal(""), HasSubstr("'database' is missing"));
  EXPECT_THAT(refusal("\ndatabase: App\n"), HasSubstr(":2: 'App' is not a valid database name"));
  EXPECT_THAT(refusal("database: app\nparent: other/main\n"), HasSubstr(":2: parent 'other/main' is of another database"));
  EXPECT_THAT(refusal("database: app\nparent: main@0/28\n"), HasSubstr(":2: '0/28' is not a valid snapshot name"));
  EXPECT_THAT(refusal("database: [a]\n"), HasSubstr(":1: database must be a name"));
  EXPECT_THAT(refusal("database: app\ndatabase: shop\n"), HasSubstr(":2: 'database' is there twice"));
  EXPECT_THAT(refusal("- app\n"), HasSubstr(":1: expected 'key: value'"));
  EXPECT_THAT(refusal("database: 'app\n"), HasSubstr(":"));
}

TEST_F(PinTest, HoldsBelowUpToTheTopOfTheWorkTree) {
  const fs::path file = write("database: app\n");
  const fs::path inner = m_directory.path() / "repo" / "src";
  fs::create_directories(inner);
  EXPECT_EQ(find_pin(inner).pin.value().file, file);
  fs::create_directories(m_directory.path() / "repo" / ".git");
  EXPECT_FALSE(find_pin(inner).pin);
  const fs::path nearer = write("database: shop\n", "repo");
  EXPECT_EQ(find_pin(inner).pin.value().file, nearer);
}

TEST_F(PinTest, IsAFileOfAFewLines) {
  const fs::path file = m_directory.path() / pin_name;
  fs::create_symlink("/dev/zero", file);
  EXPECT_EQ(error_of([&] { read_pin(file); }).code(), ErrorCode::usage);
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { read_pin(file); }).code(), ErrorCode::usage);
  fs::remove(file);
  EXPECT_THAT(refusal("database: app\n" + std::string(100'000, '#')), HasSubstr("is not a file of a few lines"));
}

TEST_F(PinTest, OfAnotherUserIsPassedOver) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give files to others";
  }
  const fs::path file = write("database: app\n", "a");
  fs::create_directories(m_directory.path() / "a" / "b");
  ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
  EXPECT_FALSE(find_pin(m_directory.path() / "a" / "b").pin);
  EXPECT_EQ(find_pin(m_directory.path() / "a" / "b").passed_over, file);
  ASSERT_EQ(::chown(file.c_str(), 0, 0), 0);
  EXPECT_TRUE(find_pin(m_directory.path() / "a" / "b").pin);
  ASSERT_EQ(::chown((m_directory.path() / "a").c_str(), 12345, 12345), 0);
  EXPECT_FALSE(find_pin(m_directory.path() / "a" / "b").pin);
}

TEST_F(PinTest, ThatIsWrittenReadsBack) {
  for (const char* parent : {"main", "develop", "main@fixtures"}) {
    const Pin pin{m_directory.path() / pin_name, "app", parse_parent("app", parent)};
    const Pin read = read_pin(write(pin_text(pin)));
    EXPECT_EQ(read.database, "app");
    EXPECT_EQ(read.parent, pin.parent);
    EXPECT_TRUE(is_written_pin(pin_text(pin)));
    EXPECT_FALSE(is_written_pin(pin_text(pin) + "# mine\n"));
  }
  EXPECT_FALSE(is_written_pin("database: app\n"));
  EXPECT_FALSE(is_written_pin("no pin at all"));
}

TEST(PinnedSubject, IsABranchWithoutASlash) {
  const Pin pin{"/w/.bpg.yaml", "app", {{"app", "main"}, {}}};
  EXPECT_EQ(parse_subject("feature", pin).str(), "app/feature");
  EXPECT_EQ(parse_subject("feature@label", pin).str(), "app/feature@label");
  EXPECT_EQ(parse_subject("feature@0/953F5508", pin).str(), "app/feature@0/953F5508") << "the slash is the moment's";
  EXPECT_EQ(parse_subject("app", pin).str(), "app/app");
  EXPECT_EQ(parse_subject("shop/main", pin).str(), "shop/main");
  EXPECT_EQ(error_of([&] { parse_subject("", pin); }).code(), ErrorCode::usage);
  EXPECT_EQ(error_of([&] { parse_subject("shop/", pin); }).code(), ErrorCode::usage);
}

}  // namespace
}  // namespace bpg::workspace
