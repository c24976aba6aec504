#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bpg/postgres/session.hpp"
#include "bpg/runtime/docker/client.hpp"
#include "bpg/runtime/docker/docker.hpp"
#include "bpg/runtime/docker/image.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "common/throws.hpp"

namespace bpg::test {

/// The value of an environment variable; empty where it is not set.
std::string variable(const char* name);

/// `tests/docker.sh ACTION` on the daemon of the tests.
void docker_script(const std::string& action);

/// A test with a real engine, a directory of its own, and no container left behind.
class DockerTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  runtime::Docker& docker() { return *m_docker; }
  const runtime::DockerClient& client() const { return m_docker->client(); }
  const fs::path& scratch() const { return m_scratch; }

  runtime::Image plain_image() { return image("BPG_TEST_IMAGE_PLAIN"); }
  runtime::Image image(const char* image_variable);

  /// A server on a cluster of its own, made with the image's initdb, not yet started.
  runtime::ServerSpec server() { return server(plain_image()); }
  runtime::ServerSpec server(const runtime::Image& image);
  /// The same, without a cluster.
  runtime::ServerSpec server_without_cluster(const runtime::Image& image);

  void start(const runtime::ServerSpec& spec) { docker().start(spec, std::chrono::seconds(60)); }
  void stop(const runtime::ServerSpec& spec) { docker().stop(spec, std::chrono::seconds(60)); }

  /// Over the socket directory, as the superuser.
  postgres::Session session(const runtime::ServerSpec& spec, const std::string& database = "postgres");

  /// What the engine says of the server's container; null where there is none.
  nlohmann::json container(const runtime::ServerSpec& spec);
  /// The ids of all containers of betterpg, whatever they are for.
  std::vector<std::string> containers();

  /// True once the server is ready, for at most half a minute.
  bool becomes_ready(const runtime::ServerSpec& spec);

  /// A port that nobody listens on.
  static int free_port();

 private:
  std::unique_ptr<runtime::Docker> m_docker;
  fs::path m_scratch;
  std::vector<runtime::ServerSpec> m_servers;
};

}  // namespace bpg::test
