/// What becomes of servers when the daemon is stopped, restarted, killed, or the machine reboots.

#include <csignal>

#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class DaemonTest : public DockerTest {
 protected:
  runtime::ServerSpec running_server(bool comes_back) {
    auto spec = server();
    spec.container->comes_back = comes_back;
    start(spec);
    session(spec).query("CREATE TABLE kept AS SELECT 42 AS answer");
    // As `bpg branch set` does it: a signal must not count as a wish that the server stays down.
    docker().reload(spec);
    return spec;
  }

  void answers(const runtime::ServerSpec& spec) {
    ASSERT_TRUE(becomes_ready(spec));
    EXPECT_EQ(session(spec).query_value("SELECT answer FROM kept"), "42");
    postgres::Session over_port({.host = "127.0.0.1", .port = spec.port, .user = "postgres", .database = "postgres"});
    EXPECT_EQ(over_port.query_value("SELECT current_setting('cluster_name')"), spec.identity);
  }
};

TEST_F(DaemonTest, BringsBackAfterARestart) {
  const auto spec = running_server(true);
  const auto other = running_server(false);
  const pid_t before = docker().status(spec).pid;
  docker_script("restart");
  answers(spec);
  EXPECT_NE(docker().status(spec).pid, before);
  EXPECT_FALSE(docker().status(other).running);
  // It was stopped in order.
  EXPECT_THAT(read_file(spec.data_directory / "PG_VERSION"), HasSubstr("15"));
  start(other);
  answers(other);
}

TEST_F(DaemonTest, BringsBackAfterACrashOfTheDaemon) {
  const auto spec = running_server(true);
  docker_script("crash");
  answers(spec);
  stop(spec);
  EXPECT_FALSE(docker().status(spec).running);
  EXPECT_TRUE(container(spec).is_null());
}

TEST_F(DaemonTest, BringsBackAfterAReboot) {
  const auto spec = running_server(true);
  ASSERT_TRUE(fs::exists(spec.data_directory / "postmaster.pid"));
  docker_script("reboot");
  answers(spec);
}

TEST_F(DaemonTest, DoesNotBringBackWhatWasStopped) {
  const auto spec = running_server(true);
  stop(spec);
  docker_script("restart");
  EXPECT_FALSE(docker().status(spec).running);
  EXPECT_TRUE(container(spec).is_null());
}

TEST_F(DaemonTest, BringsBackAServerThatCrashes) {
  const auto spec = running_server(true);
  const pid_t before = docker().status(spec).pid;
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  for (auto now = docker().status(spec); (now.pid == before || !now.ready) && std::chrono::steady_clock::now() < deadline;) {
    now = docker().status(spec);
  }
  answers(spec);
  EXPECT_NE(docker().status(spec).pid, before);
}

TEST_F(DaemonTest, DoesNotStartAServerForEver) {
  auto spec = server();
  spec.container->comes_back = true;
  spec.settings.emplace_back("shared_buffers", "a lot");
  EXPECT_EQ(error_of([&] { start(spec); }).code(), ErrorCode::postgres);
  EXPECT_TRUE(container(spec).is_null());
}

/// The server of a daemon that was killed goes on; what cannot be done then is refused, not half done.
TEST_F(DaemonTest, IsNotNeededToLookAtAServer) {
  const auto spec = running_server(true);
  const pid_t pid = docker().status(spec).pid;
  docker_script("kill");
  const auto status = docker().status(spec);
  EXPECT_TRUE(status.running);
  EXPECT_TRUE(status.ready);
  EXPECT_EQ(status.pid, pid);
  EXPECT_EQ(session(spec).query_value("SELECT answer FROM kept"), "42");
  docker().reload(spec);
  const std::function<void()> works[] = {[&] { stop(spec); }, [&] { docker().discard(spec, 10s); }, [&] { start(spec); }};
  for (const auto& work : works) {
    const Error error = error_of(work);
    EXPECT_EQ(error.code(), ErrorCode::environment);
    EXPECT_THAT(error.message(), HasSubstr("cannot be reached"));
  }
  EXPECT_TRUE(docker().status(spec).ready);
  docker_script("start");
  answers(spec);
}

TEST_F(DaemonTest, ThatIsStoppedStopsItsServers) {
  const auto spec = running_server(true);
  docker_script("stop");
  EXPECT_FALSE(docker().status(spec).running);
  EXPECT_FALSE(fs::exists(spec.data_directory / "postmaster.pid"));
  docker_script("start");
  answers(spec);
}

}  // namespace
}  // namespace bpg::test
