#include "bpg/core/name.hpp"

#include <gtest/gtest.h>

#include "bpg/util/error.hpp"
#include "support/throws.hpp"

namespace bpg {
namespace {

using test::error_of;

TEST(Name, HasLowerCaseLettersDigitsHyphensUnderscores) {
  for (const std::string& name : {std::string("a"), std::string("0"), std::string("fix-login"), std::string("a_b-c9"),
                                  std::string("9-"), std::string(63, 'x')}) {
    EXPECT_NO_THROW(check_name("branch", name)) << name;
  }
}

TEST(Name, RefusesEverythingElse) {
  for (const std::string& name :
       {std::string(), std::string("-a"), std::string("_a"), std::string("A"), std::string("a b"), std::string("a/b"),
        std::string("a.b"), std::string(".."), std::string("a@b"), std::string("é"), std::string("a\nb"),
        std::string("a\0b", 3), std::string(64, 'x')}) {
    EXPECT_EQ(error_of([&] { check_name("branch", name); }).code(), ErrorCode::usage) << name;
  }
}

TEST(Name, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(error_of([] { check_name("label", ""); }).message(), "the label name is empty");
  const Error error = error_of([] { check_name("branch", "Fix"); });
  EXPECT_EQ(error.message(), "'Fix' is not a valid branch name");
  EXPECT_FALSE(error.hint().empty());
}

TEST(Subject, IsADatabaseAndABranch) {
  EXPECT_EQ(Subject::parse("app/dev"), (Subject{"app", "dev"}));
  EXPECT_EQ(Subject::parse("app"), (Subject{"app", "main"}));
  EXPECT_EQ(Subject::parse("app").str(), "app/main");
}

TEST(Subject, RefusesEverythingElse) {
  for (const char* text : {"", "/", "app/", "/dev", "app/dev/x", "App/dev", "app/Dev", "app dev", "app/dev@x"}) {
    EXPECT_EQ(error_of([&] { Subject::parse(text); }).code(), ErrorCode::usage) << text;
  }
}

TEST(SubjectAt, MayNameASnapshot) {
  EXPECT_EQ(SubjectAt::parse("app@before-migration").subject, (Subject{"app", "main"}));
  EXPECT_EQ(SubjectAt::parse("app/dev@snap_4k0qz8w1tb").snapshot, "snap_4k0qz8w1tb");
  EXPECT_EQ(SubjectAt::parse("app/dev").snapshot, "");
  EXPECT_EQ(SubjectAt::parse("app/dev").str(), "app/dev");
  EXPECT_EQ(SubjectAt::parse("app@x").str(), "app/main@x");
}

TEST(SubjectAt, RefusesEverythingElse) {
  for (const char* text : {"app@", "@x", "app@x@y", "app@x/dev", "app@X"}) {
    EXPECT_EQ(error_of([&] { SubjectAt::parse(text); }).code(), ErrorCode::usage) << text;
  }
}

}  // namespace
}  // namespace bpg
