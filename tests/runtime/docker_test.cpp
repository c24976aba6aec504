#include "bpg/runtime/docker/docker.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "bpg/util/interrupt.hpp"
#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(DockerTest, StartsAServerThatAnswersOnItsSocketAndItsPort) {
  const auto spec = server();
  start(spec);

  const auto status = docker().status(spec);
  EXPECT_TRUE(status.running);
  EXPECT_TRUE(status.ready);
  EXPECT_GT(status.pid, 1);
  auto over_socket = session(spec);
  EXPECT_EQ(over_socket.query_value("SELECT current_setting('cluster_name')"), spec.identity);
  EXPECT_EQ(over_socket.query_value("SELECT current_setting('data_directory')"), spec.data_directory.string());
  postgres::Session over_port({.host = "127.0.0.1", .port = spec.port, .user = "postgres", .database = "postgres"});
  EXPECT_EQ(over_port.query_value("SELECT 1"), "1");
}

TEST_F(DockerTest, LabelsItsContainerAndTakesPrivilegesAway) {
  const auto spec = server();
  start(spec);
  const auto made = container(spec);
  EXPECT_EQ(made["Config"]["Labels"]["betterpg.volume"], spec.identity);
  EXPECT_EQ(made["Config"]["StopSignal"], "SIGINT");
  EXPECT_EQ(made["HostConfig"]["CapDrop"], nlohmann::json({"ALL"}));
  EXPECT_EQ(made["HostConfig"]["LogConfig"]["Config"]["max-size"], "8m");
  struct stat directory {};
  ASSERT_EQ(::stat(spec.socket_directory.c_str(), &directory), 0);
  EXPECT_EQ(directory.st_mode & 0777, 0700U);
}

TEST_F(DockerTest, StopsCleanlyAndLeavesNoContainer) {
  const auto spec = server();
  start(spec);
  session(spec).query("CREATE TABLE kept AS SELECT 1 AS id");
  stop(spec);

  EXPECT_FALSE(docker().status(spec).running);
  EXPECT_TRUE(container(spec).is_null());
  EXPECT_FALSE(fs::exists(spec.socket_directory));
  EXPECT_FALSE(fs::exists(spec.data_directory / "postmaster.pid"));
  EXPECT_THAT(read_file(spec.log_file), HasSubstr("database system is shut down"));
  stop(spec);  // none runs

  start(spec);
  EXPECT_EQ(session(spec).query_value("SELECT id FROM kept"), "1");
}

TEST_F(DockerTest, DiscardsAtOnce) {
  const auto spec = server();
  start(spec);
  const pid_t pid = docker().status(spec).pid;
  docker().discard(spec, 10s);
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_TRUE(container(spec).is_null());
  EXPECT_TRUE(fs::exists(spec.data_directory / "postmaster.pid"));
  EXPECT_FALSE(docker().status(spec).running);
  docker().discard(spec, 10s);

  start(spec);  // on what the killed one has left
  EXPECT_TRUE(docker().status(spec).ready);
}

TEST_F(DockerTest, ReadsItsConfigurationAgain) {
  const auto spec = server();
  start(spec);
  auto connection = session(spec);
  connection.query("ALTER SYSTEM SET work_mem = '7MB'");
  docker().reload(spec);
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (connection.query_value("SHOW work_mem") != "7MB" && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_EQ(connection.query_value("SHOW work_mem"), "7MB");
  stop(spec);
  const Error error = error_of([&] { docker().reload(spec); });
  EXPECT_EQ(error.code(), ErrorCode::postgres);
  EXPECT_EQ(error.message(), "the server has gone away");
}

TEST_F(DockerTest, SaysWhyAServerDoesNotStartAndLeavesNothing) {
  auto spec = server();
  spec.settings.emplace_back("shared_buffers", "a lot");
  const Error error = error_of([&] { start(spec); });
  EXPECT_EQ(error.code(), ErrorCode::postgres);
  EXPECT_THAT(error.message(), HasSubstr("the server did not start: invalid value for parameter \"shared_buffers\""));
  EXPECT_THAT(error.hint(), HasSubstr(spec.log_file.string()));
  EXPECT_TRUE(container(spec).is_null());
  EXPECT_FALSE(fs::exists(spec.socket_directory));
}

TEST_F(DockerTest, SaysThatThePortIsTaken) {
  const auto first = server();
  start(first);
  auto second = server();
  second.port = first.port;
  const Error error = error_of([&] { start(second); });
  EXPECT_EQ(error.code(), ErrorCode::postgres);
  EXPECT_THAT(error.message(), HasSubstr("could not create any TCP/IP sockets"));
  EXPECT_THAT(read_file(second.log_file), HasSubstr("Address already in use"));
  EXPECT_TRUE(container(second).is_null());
}

TEST_F(DockerTest, GivesUpAServerThatIsNotReadyInTime) {
  auto spec = server();
  // It recovers for as long as nobody brings the WAL.
  write_file_atomic(spec.data_directory / "standby.signal", "", {.owner = {spec.account.uid, spec.account.gid}});
  spec.settings.emplace_back("hot_standby", "off");
  const Error error = error_of([&] { docker().start(spec, 1s); });
  EXPECT_EQ(error.message(), "the server was not ready within 1.0 s");
  EXPECT_TRUE(container(spec).is_null());
}

TEST_F(DockerTest, RefusesToStartAServerTwice) {
  const auto spec = server();
  start(spec);
  const Error error = error_of([&] { start(spec); });
  EXPECT_THAT(error.message(), HasSubstr("its server runs already"));
  EXPECT_TRUE(docker().status(spec).ready);
}

TEST_F(DockerTest, RefusesASecondServerOnTheSameData) {
  const auto spec = server();
  start(spec);
  auto other = spec;
  other.identity += "0";
  other.port = free_port();
  other.socket_directory = scratch() / "other.socket";
  const Error error = error_of([&] { start(other); });
  EXPECT_THAT(error.message(), HasSubstr("still work in"));
  EXPECT_TRUE(docker().status(spec).ready);
}

TEST_F(DockerTest, SaysThatAnImageHasGone) {
  auto spec = server();
  spec.container->image = "sha256:" + std::string(64, '0');
  const Error error = error_of([&] { start(spec); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr("No such image"));
}

TEST_F(DockerTest, TakesTheContainerOfAnInterruptedStartAway) {
  const auto spec = server();
  client().must("POST", "/containers/create?name=bpg-" + spec.identity,
                {{"Image", spec.container->image}, {"Cmd", {"true"}}, {"Labels", {{"betterpg.volume", spec.identity}}}});
  EXPECT_FALSE(docker().status(spec).running);
  start(spec);
  EXPECT_TRUE(docker().status(spec).ready);
}

TEST_F(DockerTest, LeavesAContainerOfSomebodyElseAlone) {
  const auto spec = server();
  client().must("POST", "/containers/create?name=bpg-" + spec.identity, {{"Image", spec.container->image}, {"Cmd", {"true"}}});
  const std::function<void()> works[] = {[&] { start(spec); }, [&] { stop(spec); }, [&] { docker().discard(spec, 1s); }};
  for (const auto& work : works) {
    const Error error = error_of(work);
    EXPECT_THAT(error.message(), HasSubstr("is not betterpg's"));
  }
  EXPECT_FALSE(container(spec).is_null());
  client().must("DELETE", "/containers/bpg-" + spec.identity);
}

/// Ctrl-C while a server is on its way up.
TEST_F(DockerTest, TakesAnInterruptedStartBack) {
  auto spec = server();
  // It recovers for as long as nobody brings the WAL.
  write_file_atomic(spec.data_directory / "standby.signal", "", {.owner = {spec.account.uid, spec.account.gid}});
  spec.settings.emplace_back("hot_standby", "off");
  const pid_t child = ::fork();
  if (child == 0) {
    install_interrupt_handlers();
    try {
      runtime::Docker(variable("BPG_TEST_DOCKER_HOST")).start(spec, 60s);
    } catch (const Error& error) {
      ::_exit(error.code() == ErrorCode::interrupted ? 0 : 1);
    }
    ::_exit(2);
  }
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!docker().status(spec).running && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_FALSE(docker().status(spec).ready);
  ::kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_FALSE(docker().status(spec).running);
  EXPECT_TRUE(container(spec).is_null());
  EXPECT_FALSE(fs::exists(spec.socket_directory));
}

/// A bpg that is killed while a server is on its way up leaves a container, which the next command finds.
TEST_F(DockerTest, FindsTheServerOfAStartThatWasKilled) {
  auto spec = server();
  write_file_atomic(spec.data_directory / "standby.signal", "", {.owner = {spec.account.uid, spec.account.gid}});
  auto waiting = spec;
  waiting.settings.emplace_back("hot_standby", "off");
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      runtime::Docker(variable("BPG_TEST_DOCKER_HOST")).start(waiting, 60s);
    } catch (const std::exception&) {
    }
    ::_exit(0);
  }
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!docker().status(spec).running && std::chrono::steady_clock::now() < deadline) {
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(docker().status(spec).running);
  EXPECT_EQ(container(spec)["HostConfig"]["RestartPolicy"]["Name"], "no");
  stop(spec);
  EXPECT_TRUE(container(spec).is_null());
  fs::remove(spec.data_directory / "standby.signal");
  start(spec);
  EXPECT_TRUE(docker().status(spec).ready);
}

TEST_F(DockerTest, TellsHowFarARecoveryIs) {
  auto spec = server();
  start(spec);
  session(spec).query("CREATE TABLE rows AS SELECT generate_series(1, 3000000) AS id");
  docker().discard(spec, 10s);
  std::vector<std::string> told;
  spec.recovering = [&](std::string_view wal_file) { told.emplace_back(wal_file); };
  start(spec);
  EXPECT_EQ(session(spec).query_value("SELECT count(*) FROM rows"), "3000000");
  EXPECT_FALSE(told.empty());
  for (const std::string& wal_file : told) {
    EXPECT_THAT(wal_file, testing::MatchesRegex("[0-9A-F]{24}"));
  }
}

TEST_F(DockerTest, KeepsWithinItsLimits) {
  auto spec = server();
  spec.container->shm_bytes = uint64_t{128} << 20;
  spec.container->memory_bytes = uint64_t{512} << 20;
  spec.container->cpus = 1.5;
  start(spec);
  const auto host = container(spec)["HostConfig"];
  EXPECT_EQ(host["ShmSize"], uint64_t{128} << 20);
  EXPECT_EQ(host["Memory"], uint64_t{512} << 20);
  EXPECT_EQ(host["NanoCpus"], 1'500'000'000);
}

TEST_F(DockerTest, PublishesThePortOfANamedNetworkOnLoopbackAlone) {
  auto spec = server();
  spec.container->network = variable("BPG_TEST_DOCKER_NETWORK");
  start(spec);
  postgres::Session over_port({.host = "127.0.0.1", .port = spec.port, .user = "postgres", .database = "postgres"});
  EXPECT_EQ(over_port.query_value("SELECT current_setting('cluster_name')"), spec.identity);
  const auto ports = container(spec)["NetworkSettings"]["Ports"][std::to_string(spec.port) + "/tcp"];
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_EQ(ports[0]["HostIp"], "127.0.0.1");
  EXPECT_EQ(session(spec).query_value("SELECT 1"), "1");
}

TEST_F(DockerTest, SaysThatANetworkIsMissing) {
  auto spec = server();
  spec.container->network = "no-such-network";
  const Error error = error_of([&] { start(spec); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr("no-such-network"));
  EXPECT_TRUE(container(spec).is_null());
}

TEST_F(DockerTest, RunsAsTheAccountOfTheImage) {
  const auto spec = server(image("BPG_TEST_IMAGE_UID70"));
  EXPECT_EQ(spec.account.uid, 70U);
  start(spec);
  EXPECT_EQ(session(spec).query_value("SELECT 1"), "1");
  struct stat process {};
  ASSERT_EQ(::stat(("/proc/" + std::to_string(docker().status(spec).pid)).c_str(), &process), 0);
  EXPECT_EQ(process.st_uid, 70U);
}

TEST_F(DockerTest, SeesWhatIsMountedAndWritesOnlyWhereItMay) {
  auto spec = server();
  for (const char* name : {"readable", "writable"}) {
    make_directory(scratch() / name, 0700, {spec.account.uid, spec.account.gid});
    write_file_atomic(scratch() / name / "file", "content", {.owner = {spec.account.uid, spec.account.gid}});
    spec.container->mounts.push_back({.path = scratch() / name, .writable = std::string(name) == "writable"});
  }
  start(spec);
  auto connection = session(spec);
  const auto write_to = [&](const char* name) {
    connection.query("COPY (SELECT 1) TO '" + (scratch() / name / "made").string() + "'");
  };
  EXPECT_EQ(connection.query_value("SELECT pg_read_file('" + (scratch() / "readable/file").string() + "')"), "content");
  write_to("writable");
  EXPECT_EQ(read_file(scratch() / "writable/made"), "1\n");
  EXPECT_THAT(error_of([&] { write_to("readable"); }).message(), HasSubstr("Read-only file system"));
}

}  // namespace
}  // namespace bpg::test
