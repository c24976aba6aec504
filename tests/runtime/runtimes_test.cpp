#include "bpg/runtime/runtimes.hpp"

#include "bpg/postgres/installation.hpp"
#include "common/temporary_directory.hpp"
#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using testing::HasSubstr;

/// A server of this machine needs no Docker, whatever the configuration says of it.
TEST(Runtimes, LeaveDockerAloneForNativeServers) {
  runtime::Runtimes runtimes("tcp://not-a-socket:2375");
  const TemporaryDirectory directory;
  const runtime::ServerSpec spec{.identity = "vol_none",
                                 .program = {},
                                 .data_directory = directory / "data",
                                 .socket_directory = directory / "socket",
                                 .log_file = directory / "log",
                                 .account = current_account()};
  EXPECT_FALSE(runtimes.status(spec).running);
  runtimes.stop(spec, std::chrono::seconds(1));
  runtimes.discard(spec, std::chrono::seconds(1));
  runtimes.wait_until_quiet(spec);
  EXPECT_EQ(error_of([&] { runtimes.reload(spec); }).message(), "the server has gone away");
  EXPECT_EQ(error_of([&] { runtimes.docker(); }).code(), ErrorCode::usage);
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
