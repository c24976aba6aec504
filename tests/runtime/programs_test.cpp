#include "bpg/runtime/docker/programs.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "bpg/runtime/docker/container.hpp"
#include "bpg/util/interrupt.hpp"
#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using runtime::ContainerPrograms;
using testing::HasSubstr;

TEST_F(DockerTest, RunsAProgramAndTakesItsOutputApart) {
  const ContainerPrograms programs(client(), plain_image());
  EXPECT_EQ(programs.major(), 15);
  const auto version = programs.run({"postgres", "--version"});
  EXPECT_EQ(version.exit_status, 0);
  EXPECT_THAT(version.out, testing::StartsWith("postgres (PostgreSQL) 15."));
  EXPECT_EQ(version.err, "");
  const auto failed = programs.run({"initdb", "--no-such-option"});
  EXPECT_EQ(failed.exit_status, 1);
  EXPECT_THAT(failed.err, HasSubstr("unrecognized option '--no-such-option'"));
  EXPECT_EQ(containers(), std::vector<std::string>{});
}

TEST_F(DockerTest, KnowsAProgramThatIsNotThere) {
  const ContainerPrograms programs(client(), plain_image());
  const Error error = error_of([&] { programs.run({"no-such-program"}); });
  EXPECT_EQ(error.code(), ErrorCode::environment);
  EXPECT_THAT(error.message(), HasSubstr("no-such-program"));
  EXPECT_EQ(containers(), std::vector<std::string>{});
}

TEST_F(DockerTest, LetsAProgramWriteInOneDirectoryAlone) {
  const auto image = plain_image();
  make_directory(scratch() / "own", 0700, {image.uid, image.gid});
  const ContainerPrograms programs(client(), image);
  EXPECT_EQ(programs.run({"initdb", "-N", "-D", (scratch() / "own/data").string()}, scratch() / "own").exit_status, 0);
  EXPECT_TRUE(fs::exists(scratch() / "own/data/PG_VERSION"));
  EXPECT_NE(programs.run({"initdb", "-N", "-D", (scratch() / "other/data").string()}, scratch() / "own").exit_status, 0);
  EXPECT_FALSE(fs::exists(scratch() / "other"));
}

TEST_F(DockerTest, LooksForFilesInTheImage) {
  const ContainerPrograms programs(client(), plain_image());
  EXPECT_TRUE(programs.has_file("/usr/lib/postgresql/15/bin/postgres"));
  EXPECT_FALSE(programs.has_file("/usr/lib/postgresql/15/bin/no-such-file"));
  EXPECT_FALSE(programs.has_file("/no such directory/file"));
  EXPECT_EQ(containers(), std::vector<std::string>{});
}

/// A program is killed with the process that waits for it, and its container goes.
TEST_F(DockerTest, EndsAProgramWhereItIsInterrupted) {
  const std::string image = plain_image().id;
  const pid_t child = ::fork();
  if (child == 0) {
    install_interrupt_handlers();
    try {
      runtime::run_once(runtime::DockerClient(variable("BPG_TEST_DOCKER_HOST")), {.image = image, .argv = {"sleep", "600"}});
    } catch (const Error& error) {
      ::_exit(error.code() == ErrorCode::interrupted ? 0 : 1);
    }
    ::_exit(2);
  }
  const nlohmann::json filters{{"label", {"betterpg.program=sleep"}}, {"status", {"running"}}};
  const std::string running = "/containers/json?filters=" + runtime::url_encoded(filters.dump());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (client().must("GET", running).empty() && std::chrono::steady_clock::now() < deadline) {
  }
  ::kill(child, SIGTERM);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(containers(), std::vector<std::string>{});
}

/// Where nobody is left to remove it, the engine does.
TEST_F(DockerTest, LeavesNoContainerWhereItIsKilled) {
  const std::string image = plain_image().id;
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      runtime::run_once(runtime::DockerClient(variable("BPG_TEST_DOCKER_HOST")), {.image = image, .argv = {"sleep", "3"}});
    } catch (const std::exception&) {
    }
    ::_exit(0);
  }
  const nlohmann::json filters{{"label", {"betterpg.program=sleep"}}, {"status", {"running"}}};
  const std::string running = "/containers/json?filters=" + runtime::url_encoded(filters.dump());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (client().must("GET", running).empty() && std::chrono::steady_clock::now() < deadline) {
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  while (!containers().empty() && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_EQ(containers(), std::vector<std::string>{});
}

TEST(OutputFrames, AreTakenApartWhereverTheyAreCut) {
  const std::string bytes = std::string("\x01\0\0\0\0\0\0\x03", 8) + "out" + std::string("\x02\0\0\0\0\0\0\x02", 8) + "er" +
                            std::string("\x01\0\0\0\0\0\0\0", 8) + std::string("\x01\0\0\0\0\0\x01\0", 8) + std::string(256, 'x');
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    std::string out;
    std::string err;
    runtime::OutputFrames frames([&](runtime::OutputFrames::Stream stream, std::string_view text) {
      (stream == runtime::OutputFrames::Stream::out ? out : err) += text;
    });
    for (size_t at = 0; at < bytes.size(); at += piece) {
      frames.feed(std::string_view(bytes).substr(at, piece));
    }
    EXPECT_EQ(out, "out" + std::string(256, 'x'));
    EXPECT_EQ(err, "er");
  }
}

}  // namespace
}  // namespace bpg::test
