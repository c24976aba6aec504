#include "bpg/postgres/sql_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/throws.hpp"
#include "support/text_reader.hpp"

namespace bpg::postgres {
namespace {

using testing::ElementsAre;

std::vector<std::string> cut(const std::string& script, bool backslash_escapes = false) {
  test::TextReader source(script, 3);
  SqlReader reader(source);
  reader.set_backslash_escapes(backslash_escapes);
  std::vector<std::string> texts;
  while (const auto statement = reader.next()) {
    texts.push_back(statement->text);
  }
  return texts;
}

TEST(SqlReader, CutsAtSemicolons) {
  EXPECT_THAT(cut("SELECT 1; SELECT 2;;\n SELECT 3"), ElementsAre("SELECT 1", "SELECT 2", "SELECT 3"));
  EXPECT_THAT(cut(" -- nothing; here\n /* nor; /* here; */ */ "), ElementsAre());
}

TEST(SqlReader, LeavesSemicolonsInsideAlone) {
  for (const std::string text : {"SELECT 'a;b'", "SELECT 'it''s;'", "SELECT E'a\\';b'", "SELECT E'a''\\';b'", "SELECT \"a;\"\"b\"",
                                 "SELECT $$a;b$$", "SELECT $f$a;$$;$f;$f$", "SELECT 1 -- a;\n+ 1", "SELECT /* a; /* ; */ ; */ 1",
                                 "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "SELECT 'a\\'", "SELECT a$b$c",
                                 "SELECT U&\"a;\", U&'a;'", "SELECT $1, '$a$'"}) {
    EXPECT_THAT(cut(text + ";SELECT 9;"), ElementsAre(text, "SELECT 9"));
  }
}

TEST(SqlReader, KnowsBodiesOfStandardSql) {
  const std::string text =
      "CREATE OR REPLACE FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN a > 1 THEN 1 END; SELECT 2; END";
  EXPECT_THAT(cut(text + "; SELECT 9;"), ElementsAre(text, "SELECT 9"));
  EXPECT_THAT(cut("BEGIN; SELECT 1; END; SELECT 9;"), ElementsAre("BEGIN", "SELECT 1", "END", "SELECT 9"));
}

TEST(SqlReader, TakesBackslashesAsTheServerDoes) {
  EXPECT_THAT(cut("SELECT 'a\\'; SELECT 'b';", false), ElementsAre("SELECT 'a\\'", "SELECT 'b'"));
  EXPECT_THAT(cut("SELECT 'a\\'; SELECT 'b';' ;", true), ElementsAre("SELECT 'a\\'; SELECT 'b';' "));
}

TEST(SqlReader, GivesCommandsOfPsqlsAsTheyStand) {
  EXPECT_THAT(cut("\\restrict abc\nSELECT 1;\n\\! rm -rf /; x\nSELECT 2;"),
              ElementsAre("\\restrict abc", "SELECT 1", "\\! rm -rf /; x", "SELECT 2"));
}

TEST(SqlReader, TellsLinesAndWords) {
  test::TextReader source("-- one\n\n/* three\n */ Alter table \"a b\".c\n owner TO me;\nSELECT 'x', $$y$$, 1e5;", 5);
  SqlReader reader(source);
  const auto first = reader.next();
  EXPECT_EQ(first->line, 4);
  EXPECT_THAT(first->words, ElementsAre("ALTER", "TABLE", "\"", "C", "OWNER", "TO", "ME"));
  const auto second = reader.next();
  EXPECT_EQ(second->line, 6);
  EXPECT_THAT(second->words, ElementsAre("SELECT"));
}

TEST(SqlReader, RefusesAScriptThatEndsInTheMiddle) {
  for (const char* script : {"SELECT 'a;", "SELECT \"a;", "SELECT $$a;", "SELECT $a$ $$", "SELECT /* a;"}) {
    EXPECT_THAT(test::error_of([&] { cut(script); }).message(), testing::HasSubstr("the script ends inside")) << script;
  }
}

/// The data of the COPY that the script begins with, in one text, and what follows.
std::pair<std::string, std::vector<std::string>> copied(const std::string& script, size_t piece) {
  test::TextReader source(script, piece);
  SqlReader reader(source);
  reader.next();
  std::string data;
  for (auto part = reader.next_copy_data(); !part.empty(); part = reader.next_copy_data()) {
    data += part;
  }
  std::vector<std::string> rest;
  while (const auto statement = reader.next()) {
    rest.push_back(statement->text);
  }
  return {data, rest};
}

TEST(SqlReader, GivesTheDataOfACopyAsItStands) {
  const std::string data = "1\t\\N\n\\\\.\n2\ta\\.b;'\"\n\n\\.x\n3\t\\.\n";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{1000}}) {
    EXPECT_THAT(copied("COPY t FROM stdin;\n" + data + "\\.\n\nSELECT 1;", piece), testing::Pair(data, ElementsAre("SELECT 1"))) << piece;
    EXPECT_THAT(copied("COPY t FROM stdin;\n\\.\nSELECT 1;", piece), testing::Pair("", ElementsAre("SELECT 1"))) << piece;
    EXPECT_THAT(copied("COPY t FROM stdin;\r\n1\r\n\\.\r\nSELECT 1;", piece), testing::Pair("1\r\n", ElementsAre("SELECT 1"))) << piece;
    EXPECT_THAT(copied("COPY t FROM stdin;\n1\n\\.", piece), testing::Pair("1\n", ElementsAre())) << piece;
  }
}

TEST(SqlReader, FindsTheEndOfLongData) {
  std::string data;
  for (int line = 0; line < 200000; ++line) {
    data += std::to_string(line) + "\t\\\\.\n";
  }
  EXPECT_THAT(copied("COPY t FROM stdin;\n" + data + "\\.\nSELECT 1;", 65536), testing::Pair(data, ElementsAre("SELECT 1")));
}

TEST(SqlReader, RefusesDataWithoutAnEnd) {
  for (const char* data : {"", "1\n", "1\n\\", "1\\."}) {
    EXPECT_THAT(test::error_of([&] { copied(std::string("COPY t FROM stdin;\n") + data, 2); }).message(), testing::HasSubstr("in the data of a COPY"));
  }
}

}  // namespace
}  // namespace bpg::postgres
