#include "bpg/runtime/runtimes.hpp"

#include "bpg/postgres/installation.hpp"
#include "bpg/runtime/server_process.hpp"
#include "bpg/util/process.hpp"
#include "common/temporary_directory.hpp"
#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using testing::HasSubstr;

/// A server of this machine, of which nothing is there yet.
runtime::ServerSpec native_server(const TemporaryDirectory& directory) {
  return {.identity = "vol_none",
          .program = {},
          .data_directory = directory / "data",
          .socket_directory = directory / "socket",
          .log_file = directory / "log",
          .account = current_account()};
}

/// A server of this machine needs no Docker, whatever the configuration says of it.
TEST(Runtimes, LeaveDockerAloneForNativeServers) {
  runtime::Runtimes runtimes("tcp://not-a-socket:2375");
  const TemporaryDirectory directory;
  const auto spec = native_server(directory);
  EXPECT_FALSE(runtimes.status(spec).running);
  runtimes.stop(spec, std::chrono::seconds(1));
  runtimes.discard(spec, std::chrono::seconds(1));
  runtimes.wait_until_quiet(spec);
  EXPECT_EQ(error_of([&] { runtimes.reload(spec); }).message(), "the server has gone away");
  EXPECT_EQ(error_of([&] { runtimes.docker(); }).code(), ErrorCode::usage);
}

/// After a power cut the machine gives the same process numbers again: what the server of before wrote is not the new one's word.
TEST(ServerProcess, IsNotReadyBecauseOneOfItsNumberWas) {
  const TemporaryDirectory directory;
  const auto spec = native_server(directory);
  fs::create_directory(spec.data_directory);
  Child server = spawn({.argv = {"sleep", "600"}, .directory = "/"});
  const auto startup_of = [&](const std::string& started) {
    write_file_atomic(spec.data_directory / "postmaster.pid",
                      fmt::format("{}\n{}\n{}\n5432\n/tmp\n127.0.0.1\n  1 2\nready   \n", server.pid(), spec.data_directory.string(), started));
    return runtime::wait_until_ready(
        spec, {.pidfd = server.pidfd(), .pid = server.pid(), .own_number = server.pid(), .older_start = "1764150000"},
        std::chrono::seconds(1));
  };
  EXPECT_EQ(startup_of("1764150000"), runtime::Startup::late);
  EXPECT_EQ(startup_of("1764150060"), runtime::Startup::ready);
  ::kill(server.pid(), SIGKILL);
  server.wait();
}

TEST_F(DockerTest, IsChosenByTheContainerOfAServer) {
  runtime::Runtimes runtimes(variable("BPG_TEST_DOCKER_HOST"));
  const auto spec = server();
  runtimes.start(spec, std::chrono::seconds(60));
  EXPECT_TRUE(runtimes.status(spec).ready);
  EXPECT_FALSE(container(spec).is_null());
  runtimes.reload(spec);
  runtimes.stop(spec, std::chrono::seconds(60));
  EXPECT_FALSE(runtimes.status(spec).running);
  EXPECT_EQ(&runtimes.docker(), &runtimes.docker());
}

}  // namespace
}  // namespace bpg::test
