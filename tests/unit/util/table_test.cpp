#include "bpg/util/table.hpp"

#include <gtest/gtest.h>

#include "bpg/util/display.hpp"
#include "bpg/util/text.hpp"

namespace bpg {
namespace {

using Align = Table::Align;

/// NAME yields last, by becoming narrower; SIZE before it, and NOTE first, both by going.
Table branches() {
  Table table({{.title = "NAME", .yields = 3, .shrink_to = 6},
               {.title = "SIZE", .align = Align::right, .yields = 2},
               {.title = "NOTE", .yields = 1}});
  table.add({"main", "12 MB", "the first"});
  table.add({"fix-login-again", "8 KB", ""});
  return table;
}

TEST(Table, AlignsColumnsAndHasNoTrailingBlanks) {
  EXPECT_EQ(branches().str(),
            "NAME              SIZE  NOTE\n"
            "main             12 MB  the first\n"
            "fix-login-again   8 KB\n");
}

TEST(Table, ColumnsGiveWayInTheOrderThatTheyName) {
  EXPECT_EQ(branches().str({.width = 33}), branches().str());
  EXPECT_EQ(branches().str({.width = 32}),
            "NAME              SIZE\n"
            "main             12 MB\n"
            "fix-login-again   8 KB\n");
  EXPECT_EQ(branches().str({.width = 21}),
            "NAME\n"
            "main\n"
            "fix-login-again\n");
  EXPECT_EQ(branches().str({.width = 10}),
            "NAME\n"
            "main\n"
            "fix-login…\n");
}

TEST(Table, NoLineIsWiderThanTheScreen) {
  Table table({{.title = "NAME", .yields = 2, .shrink_to = 5}, {.title = "OWNER", .yields = 1, .shrink_to = 5}, {.title = "N"}});
  table.add({"東京東京東京", "מפתחת של המסד", "1"});
  table.add({"👩\u200D💻👩\u200D💻👩\u200D💻", "owner", "22"});
  for (size_t width = 16; width < 50; ++width) {
    const std::string text = table.str({.width = width});
    for (const std::string_view line : split(text, '\n')) {
      EXPECT_LE(display_width(line), width) << text;
    }
  }
}

TEST(Table, WideNamesDoNotShiftTheNextColumn) {
  Table table({{.title = "NAME"}, {.title = "STATE"}});
  table.add({"東京", "running"});
  table.add({"e\u0301", "stopped"});
  EXPECT_EQ(table.str(),
            "NAME  STATE\n"
            "東京  running\n"
            "e\u0301     stopped\n");
}

TEST(Table, IsolatesWhatIsWrittenFromRightToLeftOnTerminals) {
  Table table({{.title = "NAME"}, {.title = "STATE"}});
  table.add({"שלום", "running"});
  EXPECT_EQ(table.str(), "NAME  STATE\nשלום  running\n");
  EXPECT_EQ(table.str({.terminal = true}), "NAME  STATE\n\u2068שלום\u2069  running\n");
}

TEST(Table, ColoursCellsWithoutCountingTheCodes) {
  Table table({{.title = "A"}, {.title = "B"}});
  table.add({{"up", Colour::green}, "x"});
  EXPECT_EQ(table.str(), "A   B\nup  x\n");
  EXPECT_EQ(table.str({.colour = true, .terminal = true}),
            "\x1b[1mA\x1b[0m   \x1b[1mB\x1b[0m\n"
            "\x1b[32mup\x1b[0m  x\n");
}

TEST(Table, ACellCannotMoveTheCursorOrPretendToBeAnotherRow) {
  Table table({{.title = "A"}, {.title = "B"}});
  table.add({"x\x1b[2J\ny", "z"});
  EXPECT_EQ(table.str(), "A        B\nx\uFFFD[2J y  z\n");
}

}  // namespace
}  // namespace bpg
