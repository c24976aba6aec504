#include "bpg/util/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bpg {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a:b", ':'), ElementsAre("a", "b"));
  EXPECT_THAT(split(":a:", ':'), ElementsAre("", "a", ""));
  EXPECT_THAT(split("", ':'), ElementsAre(""));
}

TEST(Trim, TakesWhiteSpaceOffBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(FormatBytes, HasTwoOrThreeDigits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 KB");
  EXPECT_EQ(format_bytes(1024), "1.0 KB");
  EXPECT_EQ(format_bytes(512 << 10), "512 KB");
  EXPECT_EQ(format_bytes(1503238553), "1.4 GB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "16384 PB");
}

TEST(FormatBytes, ChoosesTheUnitAfterRounding) {
  EXPECT_EQ(format_bytes((10 << 20) - 1), "10 MB");
  EXPECT_EQ(format_bytes((1000 << 10) - 1), "1.0 MB");
}

TEST(ParseBytes, KnowsUnitsInPowersOf1024) {
  EXPECT_EQ(parse_bytes("0"), 0U);
  EXPECT_EQ(parse_bytes("4096"), 4096U);
  EXPECT_EQ(parse_bytes("1K"), 1024U);
  EXPECT_EQ(parse_bytes("512m"), 512ULL << 20);
  EXPECT_EQ(parse_bytes("20G"), 20ULL << 30);
  EXPECT_EQ(parse_bytes("2GB"), 2ULL << 30);
  EXPECT_EQ(parse_bytes("2GiB"), 2ULL << 30);
  EXPECT_EQ(parse_bytes("3P"), 3ULL << 50);
}

TEST(ParseBytes, RefusesWhatIsNoSize) {
  for (const char* text : {"", "G", "-1", "+1", " 1", "1 G", "1X", "1GG", "1.5G", "1Gi", "0x10", "18446744073709551616",
                           "16384P"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(FormatDuration, FitsItsSize) {
  EXPECT_EQ(format_duration(microseconds(0)), "0.0 ms");
  EXPECT_EQ(format_duration(microseconds(1449)), "1.4 ms");
  EXPECT_EQ(format_duration(milliseconds(412)), "412 ms");
  EXPECT_EQ(format_duration(milliseconds(1300)), "1.3 s");
  EXPECT_EQ(format_duration(seconds(125)), "2 min 5 s");
}

TEST(FormatDuration, ChoosesTheUnitAfterRounding) {
  EXPECT_EQ(format_duration(microseconds(9990)), "10 ms");
  EXPECT_EQ(format_duration(microseconds(999'900)), "1.0 s");
  EXPECT_EQ(format_duration(milliseconds(59'990)), "1 min 0 s");
  EXPECT_EQ(format_duration(milliseconds(119'900)), "2 min 0 s");
}

TEST(ParseDuration, SumsItsParts) {
  EXPECT_EQ(parse_duration("90s"), seconds(90));
  EXPECT_EQ(parse_duration("15m"), seconds(900));
  EXPECT_EQ(parse_duration("24h"), seconds(86400));
  EXPECT_EQ(parse_duration("30d"), seconds(30 * 86400));
  EXPECT_EQ(parse_duration("2w"), seconds(14 * 86400));
  EXPECT_EQ(parse_duration("1h30m"), seconds(5400));
  EXPECT_EQ(parse_duration("0s"), seconds(0));
}

TEST(ParseDuration, RefusesWhatIsNone) {
  for (const char* text : {"", "5", "h", "-1h", "1.5h", "1h 30m", "1h30", "5y", "99999999999999999999s", "9999999w"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

const std::vector<std::string> commands{"branch", "cleanup", "connect", "start", "status", "stop"};

TEST(Closest, FindsTheNearest) {
  EXPECT_EQ(closest("satrt", commands), "start");
  EXPECT_EQ(closest("stauts", commands), "status");
  EXPECT_EQ(closest("brnach", commands), "branch");
  EXPECT_EQ(closest("statu", commands), "status");
  EXPECT_EQ(closest("conect", commands), "connect");
}

TEST(Closest, IsSilentWhereNothingIsNear) {
  EXPECT_EQ(closest("fly", commands), std::nullopt);
  EXPECT_EQ(closest("", commands), std::nullopt);
  EXPECT_EQ(closest("start", {}), std::nullopt);
  const std::vector<std::string> letters{"a", "b"};
  EXPECT_EQ(closest("x", letters), std::nullopt) << "replacing every letter is not a misspelling";
}

TEST(DidYouMean, FallsBackToTheOtherHint) {
  EXPECT_EQ(did_you_mean("stopp", commands), "Did you mean 'stop'?");
  EXPECT_EQ(did_you_mean("fly", commands, "See 'bpg --help'."), "See 'bpg --help'.");
}

}  // namespace
}  // namespace bpg
