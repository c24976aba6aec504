#include "bpg/util/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <set>

namespace bpg {
namespace {

// What docs and scripts rely on.
const std::map<ErrorCode, std::pair<int, std::string>> documented{
    {ErrorCode::failure, {1, "failure"}},
    {ErrorCode::usage, {2, "usage"}},
    {ErrorCode::not_found, {3, "not_found"}},
    {ErrorCode::already_exists, {4, "already_exists"}},
    {ErrorCode::has_children, {5, "has_children"}},
    {ErrorCode::refused, {5, "refused"}},
    {ErrorCode::not_initialised, {6, "not_initialised"}},
    {ErrorCode::storage, {6, "storage"}},
    {ErrorCode::postgres, {6, "postgres"}},
    {ErrorCode::permission, {6, "permission"}},
    {ErrorCode::no_space, {6, "no_space"}},
    {ErrorCode::environment, {6, "environment"}},
    {ErrorCode::busy, {7, "busy"}},
    {ErrorCode::interrupted, {130, "interrupted"}},
};

TEST(ErrorTable, GivesEachCodeItsExitStatusAndASlugOfItsOwn) {
  std::set<std::string_view> slugs;
  for (int i = 0; i <= static_cast<int>(ErrorCode::interrupted); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    ASSERT_TRUE(documented.contains(code)) << i;
    const ErrorKind& kind = describe(code);
    EXPECT_EQ(kind.exit_status, documented.at(code).first) << kind.slug;
    EXPECT_EQ(kind.slug, documented.at(code).second);
    EXPECT_TRUE(slugs.insert(kind.slug).second) << kind.slug;
    EXPECT_GE(kind.http_status, 400) << kind.slug;
    EXPECT_FALSE(kind.meaning.empty()) << kind.slug;
  }
  EXPECT_EQ(slugs.size(), documented.size());
}

TEST(Error, KeepsCodeAndHintUnderItsContext) {
  const Error error = Error(ErrorCode::busy, "locked", "Wait.").with_context("creating app/dev");
  EXPECT_EQ(error.code(), ErrorCode::busy);
  EXPECT_EQ(error.message(), "creating app/dev: locked");
  EXPECT_EQ(error.hint(), "Wait.");
  EXPECT_STREQ(error.what(), "creating app/dev: locked");
}

TEST(SystemError, TellsPermissionAndSpaceFromTheRest) {
  EXPECT_EQ(system_error(EACCES, "x").code(), ErrorCode::permission);
  EXPECT_EQ(system_error(EPERM, "x").code(), ErrorCode::permission);
  EXPECT_EQ(system_error(ENOSPC, "x").code(), ErrorCode::no_space);
  EXPECT_EQ(system_error(EDQUOT, "x").code(), ErrorCode::no_space);
  EXPECT_EQ(system_error(ENOENT, "x").code(), ErrorCode::environment);
  EXPECT_EQ(system_error(ENOENT, "cannot open y").message(), "cannot open y: No such file or directory");
}

}  // namespace
}  // namespace bpg
