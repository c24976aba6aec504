#include "bpg/util/display.hpp"

#include <gtest/gtest.h>

namespace bpg {
namespace {

TEST(Printable, LeavesWordsOfAnyScriptAlone) {
  for (const char* text : {"app/main", "東京", "שלום", "e\u0301", "👩\u200D💻", "├─ │"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, ReplacesWhatWouldMoveTheCursorOrTurnTheText) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\uFFFD[2Jb");
  EXPECT_EQ(printable("a\rb\a"), "a\uFFFDb\uFFFD");
  EXPECT_EQ(printable("\u009B31m"), "\uFFFD31m");  // CSI as one character
  EXPECT_EQ(printable("\u202Eevil\u2028"), "\uFFFDevil\uFFFD");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\uFFFDb");
  EXPECT_EQ(printable("\x7f"), "\uFFFD");
}

TEST(Printable, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("a\xff\xc3"), "a\uFFFD\uFFFD");
}

TEST(Printable, KeepsLinesOnlyWhereAsked) {
  EXPECT_EQ(printable("a\n\tb"), "a  b");
  EXPECT_EQ(printable("a\n\tb", true), "a\n\tb");
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("main"), 4U);
  EXPECT_EQ(display_width("└─ a"), 4U);
  EXPECT_EQ(display_width("東京"), 4U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(display_width("שלום"), 4U);
  EXPECT_EQ(display_width("🐘"), 2U);
  EXPECT_EQ(display_width("👩\u200D💻!"), 3U);
}

TEST(Shorten, EndsInAnEllipsisWithinTheWidth) {
  EXPECT_EQ(shorten("feature", 7), "feature");
  EXPECT_EQ(shorten("feature", 6), "featu…");
  EXPECT_EQ(shorten("feature", 1), "…");
  EXPECT_EQ(shorten("feature", 0), "");
}

TEST(Shorten, CutsBetweenCharactersAsPeopleSeeThem) {
  EXPECT_EQ(shorten("東京都", 5), "東京…");
  EXPECT_EQ(shorten("東京都", 4), "東…");
  EXPECT_EQ(shorten("e\u0301e\u0301e\u0301", 2), "e\u0301…");
  EXPECT_EQ(shorten("👩\u200D💻👩\u200D💻", 3), "👩\u200D💻…");
}

TEST(Isolated, WrapsOnlyWhatIsWrittenFromRightToLeft) {
  EXPECT_EQ(isolated("main"), "main");
  EXPECT_EQ(isolated("東京"), "東京");
  EXPECT_EQ(isolated("app/שלום"), "\u2068app/שלום\u2069");
  EXPECT_EQ(isolated("مرحبا"), "\u2068مرحبا\u2069");
}

}  // namespace
}  // namespace bpg
