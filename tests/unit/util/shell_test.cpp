#include "bpg/util/shell.hpp"

#include <gtest/gtest.h>

#include "bpg/util/process.hpp"

namespace bpg {
namespace {

TEST(Shell, IsKnownByItsName) {
  EXPECT_EQ(parse_shell("zsh"), Shell::sh);
  EXPECT_EQ(parse_shell("fish"), Shell::fish);
  EXPECT_EQ(parse_shell("tcsh"), Shell::csh);
  EXPECT_FALSE(parse_shell("powershell"));
}

TEST(Shell, TakesAQuotedWordAsItIs) {
  for (const char* text : {"", "plain", "a b", "it's", "$HOME `id` $(id)", "\\", "\"", "!x", "a\nb", "-n", "*", "ä"}) {
    EXPECT_EQ(run({"sh", "-c", "printf %s " + shell_quoted(text)}).out, text);
  }
}

TEST(Shell, ExportsWhatWasSaid) {
  EXPECT_EQ(run({"sh", "-c", export_command("X", "it's $HOME", Shell::sh) + "\nprintenv X"}).out, "it's $HOME\n");
  EXPECT_EQ(run({"sh", "-c", unset_command("X", Shell::sh) + "\nprintenv X"}, {.env = {{"X", "1"}}}).out, "");
}

TEST(Shell, QuotesForFishAndCsh) {
  EXPECT_EQ(export_command("X", "it's a\\b", Shell::fish), "set -gx X 'it\\'s a\\\\b';");
  EXPECT_EQ(export_command("X", "it's !", Shell::csh), "setenv X 'it'\\''s \\!';");
  EXPECT_EQ(unset_command("X", Shell::fish), "set -e X;");
  EXPECT_EQ(unset_command("X", Shell::csh), "unsetenv X;");
}

}  // namespace
}  // namespace bpg
