#include "bpg/workspace/hook.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "bpg/util/file.hpp"
#include "bpg/util/process.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"

namespace bpg::workspace {
namespace {

using test::error_of;
using test::TemporaryDirectory;

class HookTest : public ::testing::Test {
 protected:
  bool install(const std::string& program = "/nowhere/bpg") { return install_hook(m_hook, {program, ""}); }
  void write_other(const std::string& text) { write_file_atomic(m_hook.file, text, {.mode = 0755}); }
  RunResult run_hook(const char* flag) { return run({m_hook.file.string(), "old", "new", flag}, {.env = {{"PATH", "/usr/bin:/bin"}}}); }

  TemporaryDirectory m_directory;
  Hook m_hook = Hook::in(m_directory.path());
};

TEST_F(HookTest, ComesAndGoes) {
  EXPECT_TRUE(install());
  EXPECT_FALSE(install());
  EXPECT_TRUE(m_hook.is_ours());
  EXPECT_EQ(uninstall_hook(m_hook), Uninstalled::removed);
  EXPECT_FALSE(fs::exists(m_hook.file));
  EXPECT_EQ(uninstall_hook(m_hook), Uninstalled::not_there);
}

TEST_F(HookTest, IsUpdatedWhereBpgHasMoved) {
  install();
  EXPECT_TRUE(install("/elsewhere/bpg"));
  EXPECT_NE(read_file(m_hook.file).find("/elsewhere/bpg"), std::string::npos);
  EXPECT_FALSE(fs::exists(m_hook.kept));
}

TEST_F(HookTest, KeepsAnotherAndPutsItBackAsItWas) {
  const std::string text = "#!/bin/sh\necho other \"$@\"\nexit 3\n";
  write_other(text);
  struct stat before {};
  ::stat(m_hook.file.c_str(), &before);
  install();
  EXPECT_FALSE(install());
  const RunResult result = run_hook("0");
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_EQ(result.out, "other old new 0\n");
  EXPECT_EQ(uninstall_hook(m_hook), Uninstalled::put_back);
  struct stat after {};
  ::stat(m_hook.file.c_str(), &after);
  EXPECT_EQ(read_file(m_hook.file), text);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mode, after.st_mode);
  EXPECT_FALSE(fs::exists(m_hook.kept));
}

TEST_F(HookTest, InterruptedBeforeItWasWrittenChangesNothing) {
  write_other("#!/bin/sh\n");
  fs::create_hard_link(m_hook.file, m_hook.kept);
  EXPECT_EQ(uninstall_hook(m_hook), Uninstalled::not_there);
  EXPECT_FALSE(fs::exists(m_hook.kept));
  fs::create_hard_link(m_hook.file, m_hook.kept);
  EXPECT_TRUE(install());
  EXPECT_EQ(uninstall_hook(m_hook), Uninstalled::put_back);
}

TEST_F(HookTest, RefusesToChooseBetweenTwoOthers) {
  write_other("#!/bin/sh\necho 1\n");
  install();
  write_other("#!/bin/sh\necho 2\n");
  EXPECT_EQ(error_of([&] { install(); }).code(), ErrorCode::refused);
  EXPECT_EQ(error_of([&] { uninstall_hook(m_hook); }).code(), ErrorCode::refused);
  EXPECT_EQ(read_file(m_hook.file), "#!/bin/sh\necho 2\n");
  EXPECT_EQ(read_file(m_hook.kept), "#!/bin/sh\necho 1\n");
}

TEST_F(HookTest, NeverFailsByItself) {
  install("/nowhere/bpg");
  const RunResult missing = run_hook("1");
  EXPECT_EQ(missing.exit_status, 0);
  EXPECT_NE(missing.err.find("bpg: not found in PATH"), std::string::npos);
  EXPECT_EQ(run_hook("0").err, "");
  install("/bin/false");
  EXPECT_EQ(run_hook("1").exit_status, 0);
}

}  // namespace
}  // namespace bpg::workspace
