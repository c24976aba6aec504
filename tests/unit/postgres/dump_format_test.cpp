#include "bpg/postgres/dump_format.hpp"

#include <string>

#include <gtest/gtest.h>

namespace bpg::postgres {
namespace {

std::string tar_header(std::string name) {
  name.resize(512, '\0');
  return name.replace(257, 5, "ustar");
}

TEST(DumpFormat, IsToldByTheContent) {
  EXPECT_EQ(dump_format_of("PGDMP\x01\x0e"), DumpFormat::custom);
  EXPECT_EQ(dump_format_of(tar_header("toc.dat")), DumpFormat::tar);
  EXPECT_EQ(dump_format_of("--\n-- PostgreSQL database dump\n--\n"), DumpFormat::plain);
  EXPECT_EQ(dump_format_of(""), DumpFormat::plain);
}

TEST(DumpFormat, OfATarOfSomethingElseIsNotPgDumps) { EXPECT_EQ(dump_format_of(tar_header("letter.txt")), DumpFormat::plain); }

}  // namespace
}  // namespace bpg::postgres
