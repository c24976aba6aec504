#include "bpg/engine/config_text.hpp"

#include <gtest/gtest.h>

#include "common/throws.hpp"

namespace bpg::engine {
namespace {

const std::filesystem::path file = "config.yaml";

std::string with(const std::string& text, const std::string& key, const std::string& value) {
  return with_config_value(text, file, key, {.items = {value}});
}

TEST(ConfigText, AValueIsReplacedInItsPlace) {
  EXPECT_EQ(with("# mine\nlock:\n  wait: 5s   # long\nports.range: 1-2\n", "lock.wait", "9s"),
            "# mine\nlock:\n  wait: 9s   # long\nports.range: 1-2\n");
  EXPECT_EQ(with("ports.range: 1-2\n# end\n", "ports.range", "3-4"), "ports.range: 3-4\n# end\n");
  EXPECT_EQ(with("native:\n  user: \"a b\" # who\n", "native.user", "c"), "native:\n  user: c # who\n");
  EXPECT_EQ(with("native:\n  user:\n", "native.user", "c"), "native:\n  user: c\n");
}

TEST(ConfigText, AKeyGoesIntoItsSection) {
  EXPECT_EQ(with("lock:\n    wait: 5s\n\nnative:\n    user: a\n", "lock.other", "x"),
            "lock:\n    wait: 5s\n    other: x\n\nnative:\n    user: a\n");
  EXPECT_EQ(with("profiles:\n  ci:\n    ttl: 1h\n", "profiles.ci.settings.auto_explain.log_analyze", "on"),
            "profiles:\n  ci:\n    ttl: 1h\n    settings:\n      auto_explain.log_analyze: on\n");
}

TEST(ConfigText, ANewSectionGoesToTheEnd) {
  EXPECT_EQ(with("", "lock.wait", "9s"), "lock:\n  wait: 9s\n");
  EXPECT_EQ(with("# a\nnative.user: a", "lock.wait", "9s"), "# a\nnative.user: a\nlock:\n  wait: 9s\n");
}

TEST(ConfigText, ValuesAreQuotedWhereTheyNeedIt) {
  for (const std::string value : {"a: b", "a # b", "", "null", "[x]", "it's", "a\\b", "- a", "*a"}) {
    const std::string text = with("", "native.user", value);
    EXPECT_EQ(parse_config_text(text, file).at(0).value.items, std::vector{value}) << text;
  }
}

TEST(ConfigText, AListIsReplaced) {
  const ConfigValue list{.is_list = true, .items = {"/a", "/b c"}};
  EXPECT_EQ(with_config_value("native:\n  bin_dirs: [/x, /y]  # two\n", file, "native.bin_dirs", list),
            "native:\n  bin_dirs: [/a, /b c]  # two\n");
}

TEST(ConfigText, WhatIsTooCleverIsLeftAlone) {
  for (const char* text : {"native: {user: a}\n", "native:\n  user: >\n    a\n", "native:\n  user: a\n    b\n", "native:\n"}) {
    EXPECT_EQ(test::error_of([&] { with(text, "native.user", "c"); }).code(), ErrorCode::refused) << text;
  }
}

}  // namespace
}  // namespace bpg::engine
