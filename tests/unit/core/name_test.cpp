#include "bpg/core/name.hpp"

#include <gtest/gtest.h>

#include "bpg/util/error.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using test::error_of;

TEST(Name, HasLowerCaseLettersDigitsHyphensUnderscores) {
  for (const std::string& name : {std::string("a"), std::string("0"), std::string("fix-login"), std::string("a_b-c9"),
                                  std::string("9-"), std::string(63, 'x')}) {
    EXPECT_NO_THROW(check_name("branch", name)) << name;
    EXPECT_TRUE(is_name(name)) << name;
  }
}

TEST(Name, RefusesEverythingElse) {
  for (const std::string& name :
       {std::string(), std::string("-a"), std::string("_a"), std::string("A"), std::string("a b"), std::string("a/b"),
        std::string("a.b"), std::string(".."), std::string("a@b"), std::string("é"), std::string("a\nb"),
        std::string("a\0b", 3), std::string(64, 'x')}) {
    EXPECT_EQ(error_of([&] { check_name("branch", name); }).code(), ErrorCode::usage) << name;
    EXPECT_FALSE(is_name(name)) << name;
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

TEST(SubjectAt, MayNameAMoment) {
  EXPECT_EQ(SubjectAt::parse("app@before-migration").subject, (Subject{"app", "main"}));
  EXPECT_EQ(SubjectAt::parse("app/dev@snap_4k0qz8w1tb").moment, "snap_4k0qz8w1tb");
  EXPECT_EQ(SubjectAt::parse("app/dev").moment, "");
  EXPECT_EQ(SubjectAt::parse("app/dev").str(), "app/dev");
  EXPECT_EQ(SubjectAt::parse("app@x").str(), "app/main@x");
  EXPECT_EQ(SubjectAt::parse("app/dev@2026-10-07 14:30:00Z"), (SubjectAt{{"app", "dev"}, "2026-10-07 14:30:00Z"}));
  EXPECT_EQ(SubjectAt::parse("app@0/953F5508"), (SubjectAt{{"app", "main"}, "0/953F5508"}));
  EXPECT_EQ(SubjectAt::parse("app@@before@v2"), (SubjectAt{{"app", "main"}, "@before@v2"})) << "the first '@' counts";
}

TEST(SubjectAt, RefusesEverythingElse) {
  for (const char* text : {"app@", "@x", "App@x", "app/Dev@x", "app/@x", "@@x"}) {
    EXPECT_EQ(error_of([&] { SubjectAt::parse(text); }).code(), ErrorCode::usage) << text;
  }
}

TEST(SubjectAt, SaysItsDatabaseBeforeTheMoment) {
  EXPECT_TRUE(says_database("app/dev"));
  EXPECT_TRUE(says_database("app/dev@0/953F5508"));
  EXPECT_FALSE(says_database("dev"));
  EXPECT_FALSE(says_database("dev@0/953F5508"));
}

}  // namespace
}  // namespace bpg
