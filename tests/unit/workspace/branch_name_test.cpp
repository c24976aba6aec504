#include "bpg/workspace/branch_name.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bpg/core/name.hpp"

namespace bpg::workspace {
namespace {

TEST(BranchName, KeepsWhatIsValid) {
  for (const char* name : {"main", "fix-login", "v2_x", "2026", "a-", "x_-y"}) {
    EXPECT_EQ(branch_name_of(name), name);
  }
}

TEST(BranchName, MakesTwoDashesOfASlash) {
  EXPECT_EQ(branch_name_of("feature/login"), "feature--login");
  EXPECT_EQ(branch_name_of("a/b/c-d"), "a--b--c-d");
}

TEST(BranchName, AddsAHashWhereSomethingIsLost) {
  EXPECT_EQ(branch_name_of("feature/X").substr(0, 11), "feature-x--");
  EXPECT_EQ(branch_name_of("Fix").size(), std::string("fix--12345678").size());
  EXPECT_EQ(branch_name_of("日本").substr(0, 8), "branch--");
  EXPECT_EQ(branch_name_of("_x").substr(0, 3), "x--");
}

TEST(BranchName, StaysTheSameInEveryVersion) {
  // What a user's database branches are called must not change with an upgrade.
  EXPECT_EQ(branch_name_of("Fix"), "fix--6e260b01");
  EXPECT_EQ(branch_name_of("release/1.2"), "release-1-2--3f20a69e");
  EXPECT_EQ(branch_name_of("feature/X"), "feature-x--4406cc8c");
}

TEST(BranchName, IsAlwaysValidAndNeverTakenTwice) {
  const std::string longest(63, 'a');
  const std::vector<std::string> git_names{
      "feature/x", "feature-x", "feature--x", "feature/X", "Feature/x", "feature_x", "feature.x", "feature-/x", "feature/-x",
      "feature---x", "feature/x-", "-x", "x", "x-", "X", "ä", "ö", "é/é", longest, longest + "a", longest + "b", "a/" + longest,
      std::string(250, 'z'), "a'b", "$(rm)", "a\"b", "@", "user@host", "#1", "release/1.2.3", "release/1-2-3", "a//b"};
  std::set<std::string> names;
  for (const std::string& git_name : git_names) {
    const std::string name = branch_name_of(git_name);
    EXPECT_NO_THROW(check_name("branch", name)) << git_name << " -> " << name;
    EXPECT_TRUE(names.insert(name).second) << git_name << " -> " << name;
    EXPECT_EQ(branch_name_of(git_name), name);
  }
}

}  // namespace
}  // namespace bpg::workspace
