#include "bpg/storage/zfs/zfs_options.hpp"

#include <gtest/gtest.h>

#include "common/throws.hpp"

namespace bpg::test {

namespace {

using storage::zfs::Options;

Options parse(const std::vector<std::string>& texts) { return storage::zfs::parse_options(texts); }

TEST(ZfsOptions, AreNamesAndValues) {
  EXPECT_EQ(parse({}), Options{});
  EXPECT_EQ(parse({"compression=zstd-3", "quota=10G"}), (Options{{"compression", "zstd-3"}, {"quota", "10G"}}));
}

/// zfs(8) takes both, and betterpg's own value must not come after.
TEST(ZfsOptions, TitlesOfColumnsAreTheirNames) {
  EXPECT_EQ(parse({"recsize=8K", "compress=off"}), (Options{{"recordsize", "8K"}, {"compression", "off"}}));
}

TEST(ZfsOptions, WhatIsNoneIsRefused) {
  for (const char* text : {"", "recordsize", "recordsize=", "=8K", "Record=8K", "betterpg:home=/x", "-o=x", "a b=c"}) {
    const Error error = error_of([&] { parse({text}); });
    EXPECT_EQ(error.code(), ErrorCode::usage) << text;
    EXPECT_NE(error.hint().find("recordsize=8K"), std::string::npos) << text;
  }
}

TEST(ZfsOptions, WhatBetterpgDecidesIsRefused) {
  for (const char* text : {"mountpoint=/x", "canmount=on", "readonly=on", "zoned=on"}) {
    EXPECT_EQ(error_of([&] { parse({text}); }).code(), ErrorCode::usage) << text;
  }
}

TEST(ZfsOptions, TwiceIsRefused) {
  EXPECT_EQ(error_of([&] { parse({"recsize=8K", "recordsize=16K"}); }).code(), ErrorCode::usage);
}

TEST(ZfsOptions, EachHasAReason) {
  for (const auto& option : storage::zfs::dataset_options()) {
    EXPECT_FALSE(option.values.empty()) << option.name;
    EXPECT_FALSE(option.reason.empty()) << option.name;
    EXPECT_NO_THROW(parse({option.name + "=" + option.values.front()})) << "it could not be chosen otherwise";
  }
}

}  // namespace

}  // namespace bpg::test
