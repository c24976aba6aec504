#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "bpg/runtime/docker/server_container.hpp"
#include "bpg/util/interrupt.hpp"
#include "common/temporary_directory.hpp"
#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class LogTest : public DockerTest {
 protected:
  std::string log_of(const runtime::ServerSpec& spec, size_t lines) {
    std::string text;
    docker().read_log(spec, {.last_lines = lines, .write = [&](std::string_view piece) { text += piece; }});
    return text;
  }

  /// Returns once the engine, which takes it from a pipe, has it in the container's log.
  void say(const runtime::ServerSpec& spec, const std::string& words) {
    session(spec).query("DO $$ BEGIN RAISE LOG '" + words + "'; END $$");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (log_of(spec, 100).find(words) == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    }
  }
};

TEST_F(LogTest, HasItsLastLines) {
  const auto spec = server();
  start(spec);
  say(spec, "words of the test");
  EXPECT_THAT(log_of(spec, 100), HasSubstr("database system is ready to accept connections"));
  // A statement that logs is logged with it, and its context.
  const std::string last = log_of(spec, 5);
  EXPECT_THAT(last, HasSubstr("words of the test"));
  EXPECT_LE(runtime::count_lines(last), 5U);
  EXPECT_EQ(log_of(spec, 0), "");
}

TEST_F(LogTest, OutlivesTheContainer) {
  const auto spec = server();
  start(spec);
  say(spec, "of the first life");
  stop(spec);
  EXPECT_THAT(log_of(spec, 100), HasSubstr("of the first life"));
  start(spec);
  say(spec, "of the second life");
  const std::string log = log_of(spec, 1000);
  EXPECT_LT(log.find("of the first life"), log.find("of the second life"));
  EXPECT_THAT(log_of(spec, 4), Not(HasSubstr("of the first life")));
}

TEST_F(LogTest, IsFollowedBeyondARestart) {
  const auto spec = server();
  start(spec);
  say(spec, "before it is followed");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    install_interrupt_handlers();
    try {
      runtime::Docker(variable("BPG_TEST_DOCKER_HOST"))
          .read_log(spec, {.last_lines = 100,
                           .follow = true,
                           .write = [&](std::string_view text) { write_all(ends[1], text, "pipe"); }});
    } catch (const std::exception& error) {
      std::fputs(error.what(), stderr);
      ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string followed;
  const auto wait_for = [&](const std::string& words) {
    while (followed.find(words) == std::string::npos) {
      char buffer[4096];
      const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
      if (count <= 0) {
        return false;
      }
      followed.append(buffer, static_cast<size_t>(count));
    }
    return true;
  };
  ::alarm(120);
  EXPECT_TRUE(wait_for("before it is followed"));
  say(spec, "while it is followed");
  EXPECT_TRUE(wait_for("while it is followed"));
  stop(spec);
  start(spec);
  say(spec, "after a restart");
  EXPECT_TRUE(wait_for("after a restart"));
  docker_script("restart");
  start(spec);
  say(spec, "after a restart of the daemon");
  EXPECT_TRUE(wait_for("after a restart of the daemon"));
  ::alarm(0);
  ::kill(child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ::close(ends[0]);
}

TEST_F(LogTest, OfAServerThatNeverRanIsEmpty) {
  const auto spec = server();
  EXPECT_EQ(log_of(spec, 100), "");
}

TEST(LogFile, StaysWithinItsBounds) {
  const TemporaryDirectory directory;
  runtime::ServerSpec spec;
  spec.log_file = directory / "server.log";
  spec.account = current_account();
  const std::string line(1023, 'x');
  std::string megabyte;
  for (int i = 0; i < 1024; ++i) {
    megabyte += line + "\n";
  }
  for (int i = 0; i < 20; ++i) {
    runtime::append_log(spec, megabyte);
  }
  runtime::append_log(spec, "the end\n");
  const std::string log = read_file(spec.log_file);
  EXPECT_LE(log.size(), size_t{16} << 20);
  EXPECT_GT(log.size(), size_t{15} << 20);
  EXPECT_TRUE(log.starts_with(line + "\n"));
  EXPECT_TRUE(log.ends_with("the end\n"));
}

TEST(LastLines, AreCountedFromTheEnd) {
  EXPECT_EQ(runtime::last_lines("a\nb\nc\n", 2), "b\nc\n");
  EXPECT_EQ(runtime::last_lines("a\nb\nc\n", 9), "a\nb\nc\n");
  EXPECT_EQ(runtime::last_lines("a\nb\nc", 1), "c");
  EXPECT_EQ(runtime::last_lines("a\n", 0), "");
  EXPECT_EQ(runtime::last_lines("", 3), "");
}

}  // namespace
}  // namespace bpg::test
