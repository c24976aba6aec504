#include "bpg/runtime/docker/client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "bpg/runtime/docker/container.hpp"
#include "common/temporary_directory.hpp"
#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using runtime::DockerClient;
using testing::HasSubstr;

TEST(DockerAddress, IsAUnixSocketOrRefused) {
  EXPECT_EQ(DockerClient("unix:///run/some.sock").host(), "unix:///run/some.sock");
  for (const char* host : {"tcp://127.0.0.1:2375", "ssh://somewhere", "/var/run/docker.sock", "unix://", "unix://relative"}) {
    const Error error = error_of([&] { DockerClient client(host); });
    EXPECT_EQ(error.code(), ErrorCode::usage) << host;
    EXPECT_THAT(error.message(), HasSubstr(host));
  }
}

TEST(DockerAddress, ComesFromTheEnvironment) {
  ::setenv("DOCKER_HOST", "unix:///run/from-environment.sock", 1);
  EXPECT_EQ(DockerClient().host(), "unix:///run/from-environment.sock");
  EXPECT_EQ(DockerClient("unix:///run/given.sock").host(), "unix:///run/given.sock");
  ::unsetenv("DOCKER_HOST");
  EXPECT_EQ(DockerClient().host(), "unix:///var/run/docker.sock");
}

TEST(UrlEncoding, LeavesLettersAlone) {
  EXPECT_EQ(runtime::url_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(runtime::url_encoded("a/b:c {\"\xc3\xa9"), "a%2Fb%3Ac%20%7B%22%C3%A9");
}

/// Listens on a socket and gives its answers in turn, the last of them for ever.
class StandInDaemon {
 public:
  explicit StandInDaemon(const std::string& answer) : StandInDaemon(std::vector{answer}) {}
  explicit StandInDaemon(std::vector<std::string> answers) : m_answers(std::move(answers)) {
    m_listener.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", socket().c_str());
    EXPECT_EQ(::bind(m_listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(m_listener.get(), 8), 0);
    m_thread = std::thread([this] {
      for (size_t next = 0;; next = std::min(next + 1, m_answers.size() - 1)) {
        const UniqueFd peer(::accept(m_listener.get(), nullptr, nullptr));
        if (!peer) {
          return;
        }
        char request[4096];
        EXPECT_GT(::read(peer.get(), request, sizeof request), 0);
        const std::string& answer = m_answers[next];
        EXPECT_EQ(::write(peer.get(), answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
      }
    });
  }
  ~StandInDaemon() {
    ::shutdown(m_listener.get(), SHUT_RDWR);
    m_thread.join();
  }

  std::string host() const { return "unix://" + socket().string(); }

 private:
  fs::path socket() const { return m_directory / "docker.sock"; }

  std::vector<std::string> m_answers;
  TemporaryDirectory m_directory;
  UniqueFd m_listener;
  std::thread m_thread;
};

TEST(DockerDaemon, ThatIsAbsentIsSaid) {
  const Error error = error_of([] { DockerClient("unix:///nowhere/docker.sock").call("GET", "/info"); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr("Docker at unix:///nowhere/docker.sock cannot be reached: "));
  EXPECT_THAT(error.hint(), HasSubstr("systemctl start docker"));
}

TEST(DockerDaemon, ThatIsTooOldIsRefused) {
  const StandInDaemon daemon("HTTP/1.1 200 OK\r\nApi-Version: 1.40\r\nContent-Length: 2\r\n\r\nOK");
  const Error error = error_of([&] { DockerClient(daemon.host()).call("GET", "/info"); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr("is too old: it speaks version 1.40 of its API, not 1.41"));
}

TEST(DockerDaemon, ThatIsNoneIsSaid) {
  for (const char* answer : {"", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "220 mail.example.org ESMTP\r\n"}) {
    const StandInDaemon daemon(answer);
    const Error error = error_of([&] { DockerClient(daemon.host()).call("GET", "/info"); });
    EXPECT_EQ(error.code(), ErrorCode::environment) << answer;
  }
}

TEST(DockerDaemon, ThatBreaksOffIsSaid) {
  const StandInDaemon daemon("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 100\r\n\r\n{");
  const Error error = error_of([&] { DockerClient(daemon.host()).call("GET", "/info"); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr("the connection broke"));
}

/// What a daemon that speaks version 1.43 sends.
std::string http_answer(const std::string& status, const std::string& body) {
  return fmt::format("HTTP/1.1 {}\r\nApi-Version: 1.43\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

TEST(DockerDaemon, ThatIsRootlessHasNoImages) {
  const StandInDaemon daemon(http_answer(
      "200 OK", R"({"ServerVersion":"24.0.0","SecurityOptions":["name=seccomp,profile=default","name=rootless"]})"));
  const DockerClient client(daemon.host());
  EXPECT_TRUE(client.info().rootless);
  EXPECT_EQ(client.info().version, "24.0.0");
  EXPECT_EQ(client.info().api_version, "1.43");
  const Error error = error_of([&] { runtime::find_image(client, {.reference = "postgres:17"}); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr("other user ids"));
}

TEST(DockerDaemon, ThatIsNewerIsSpokenWithAsFarAsItIsKnown) {
  const StandInDaemon daemon("HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(DockerClient(daemon.host()).info().api_version, "1.47");
}

/// The answers of Docker 20.10 to the removal of a container that ends between its look at it and its kill.
TEST(DockerDaemon, ThatFindsNothingToKillRemovesWhatHasEnded) {
  const std::string refusal = http_answer("500 Internal Server Error", R"({"message":"Could not kill, it is not running"})");
  const std::string ended = http_answer("200 OK", R"({"State":{"Running":false}})");
  const std::string goes_on = http_answer("200 OK", R"({"State":{"Running":true}})");
  const std::string ping = http_answer("200 OK", "OK");
  const auto remove = [&](std::vector<std::string> answers) {
    answers.insert(answers.begin(), ping);
    const StandInDaemon daemon(std::move(answers));
    runtime::remove_container(DockerClient(daemon.host()), "0123456789abcdef");
  };
  remove({refusal, ended, http_answer("204 No Content", "")});
  // But what does not go for another reason is said, and not tried for ever.
  for (const auto& answers : {std::vector{refusal, goes_on}, std::vector{refusal, ended, refusal}}) {
    const Error error = error_of([&] { remove(answers); });
    EXPECT_EQ(error.code(), ErrorCode::environment);
    EXPECT_THAT(error.message(), HasSubstr("Docker does not remove the container 0123456789ab: Could not kill"));
  }
}

TEST_F(DockerTest, TellsOfItself) {
  const auto info = client().info();
  EXPECT_FALSE(info.version.empty());
  EXPECT_THAT(info.api_version, testing::StartsWith("1."));
  EXPECT_FALSE(info.rootless);
}

TEST_F(DockerTest, SaysWhatTheEngineSaid) {
  EXPECT_EQ(client().call("GET", "/containers/no-such-container/json").status, 404);
  const Error error = error_of([&] { client().must("GET", "/containers/no-such-container/json"); });
  EXPECT_EQ(error.message(), "Docker refuses: No such container: no-such-container");
}

}  // namespace
}  // namespace bpg::test
