#include "support/docker_test.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>

#include "bpg/core/id.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/runtime/docker/container.hpp"
#include "bpg/runtime/docker/programs.hpp"
#include "bpg/util/process.hpp"

namespace bpg::test {

using runtime::Image;
using runtime::ServerSpec;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

void docker_script(const std::string& action) {
  run_checked({BPG_DOCKER_SCRIPT, action, variable("BPG_TEST_DOCKER_DIR")}, {.deadline = std::chrono::minutes(3)});
}

void DockerTest::SetUp() {
  if (variable("BPG_TEST_DOCKER_HOST").empty()) {
    GTEST_SKIP() << "BPG_TEST_DOCKER_HOST is not set";
  }
  // A background job of a shell has it ignored, and so would the children that the tests interrupt.
  ::signal(SIGINT, SIG_DFL);
  std::string name = "/var/tmp/bpg-docker-XXXXXX";
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  m_scratch = name;
  fs::permissions(m_scratch, fs::perms(0711));
  m_docker = std::make_unique<runtime::Docker>(variable("BPG_TEST_DOCKER_HOST"));
}

void DockerTest::TearDown() {
  if (!m_docker) {
    return;
  }
  for (const ServerSpec& spec : m_servers) {
    docker().discard(spec, std::chrono::seconds(10));
  }
  EXPECT_EQ(containers(), std::vector<std::string>{});
  remove_tree(m_scratch);
}

Image DockerTest::image(const char* image_variable) {
  static std::map<std::string, Image> known;
  auto& found = known[image_variable];
  if (found.id.empty()) {
    found = runtime::find_image(client(), {.reference = variable(image_variable), .pull = false});
  }
  return found;
}

ServerSpec DockerTest::server_without_cluster(const Image& image) {
  const std::string identity = VolumeId::make().str();
  const fs::path volume = m_scratch / identity;
  make_directory(volume, 0700, {image.uid, image.gid});
  write_file_atomic(volume / "hba.conf", "local all all trust\nhost all all all trust\n",
                    {.mode = 0600, .owner = {image.uid, image.gid}, .durable = false});
  ServerSpec spec{.identity = identity,
                  .program = "postgres",
                  .data_directory = volume / "data",
                  .socket_directory = m_scratch / (identity + ".socket"),
                  .log_file = m_scratch / (identity + ".log"),
                  .account = {.name = "postgres", .uid = image.uid, .gid = image.gid, .groups = {}},
                  .port = free_port(),
                  .settings = {{"hba_file", (volume / "hba.conf").string()}, {"listen_addresses", "127.0.0.1"}, {"fsync", "off"}},
                  .container = runtime::Container{.image = image.id, .network = "host"}};
  m_servers.push_back(spec);
  return spec;
}

ServerSpec DockerTest::server(const Image& image) {
  const ServerSpec spec = server_without_cluster(image);
  // Made once for each image, then copied.
  static std::map<std::string, fs::path> templates;
  static struct RemoveTemplates {
    ~RemoveTemplates() {
      for (const auto& [id, path] : templates) {
        fs::remove_all(path.parent_path());
      }
    }
  } remove_templates;
  auto& made = templates[image.id];
  if (made.empty()) {
    std::string name = "/var/tmp/bpg-cluster-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    make_directory(name, 0700, {image.uid, image.gid});
    postgres::make_cluster(runtime::ContainerPrograms(client(), image), fs::path(name) / "data");
    made = fs::path(name) / "data";
  }
  run_checked({"cp", "-a", made.string(), spec.data_directory.string()});
  return spec;
}

postgres::Session DockerTest::session(const ServerSpec& spec, const std::string& database) {
  return postgres::Session(
      {.host = spec.socket_directory.string(), .port = spec.port, .user = postgres::superuser, .database = database});
}

nlohmann::json DockerTest::container(const ServerSpec& spec) {
  const auto answer = client().call("GET", "/containers/bpg-" + spec.identity + "/json");
  return answer.ok() ? answer.body : nlohmann::json();
}

std::vector<std::string> DockerTest::containers() {
  std::vector<std::string> ids;
  for (const char* label : {runtime::volume_label, runtime::program_label}) {
    const nlohmann::json filters{{"label", {label}}};
    for (const auto& one : client().must("GET", "/containers/json?all=1&filters=" + runtime::url_encoded(filters.dump()))) {
      ids.push_back(one.at("Id").get<std::string>());
    }
  }
  return ids;
}

bool DockerTest::becomes_ready(const ServerSpec& spec) {
  for (int tries = 0; tries < 3000; ++tries) {
    if (docker().status(spec).ready) {
      return true;
    }
    ::poll(nullptr, 0, 10);
  }
  return false;
}

int DockerTest::free_port() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

}  // namespace bpg::test
