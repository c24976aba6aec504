#include "bpg/runtime/runtimes.hpp"

#include "bpg/postgres/installation.hpp"
#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using testing::HasSubstr;

/// A server of this machine needs no Docker, whatever the configuration says of it.
TEST(Runtimes, LeaveDockerAloneForNativeServers) {
  runtime::Runtimes runtimes("tcp://not-a-socket:2375");
  std::string name = "/tmp/bpg-native-XXXXXX";
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  runtime::ServerSpec spec{.identity = "vol_none",
                           .program = {},
                           .data_directory = fs::path(name) / "data",
                           .socket_directory = fs::path(name) / "socket",
                           .log_file = fs::path(name) / "log",
                           .account = current_account()};
  EXPECT_FALSE(runtimes.status(spec).running);
  runtimes.stop(spec, std::chrono::seconds(1));
  runtimes.discard(spec, std::chrono::seconds(1));
  runtimes.wait_until_quiet(spec);
  EXPECT_EQ(error_of([&] { runtimes.reload(spec); }).message(), "the server has gone away");
  EXPECT_EQ(error_of([&] { runtimes.docker(); }).code(), ErrorCode::usage);
  fs::remove_all(name);
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
