#include "bpg/runtime/docker/cluster.hpp"

#include <sys/stat.h>

#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using testing::HasSubstr;
using runtime::make_cluster_with_entrypoint;

class EntrypointTest : public DockerTest {
 protected:
  runtime::Image official() { return image("BPG_TEST_IMAGE_OFFICIAL"); }

  /// The official image with one more script, under a name of its own until the test ends.
  runtime::Image official_with(const std::string& script) {
    const auto made = client().must("POST", "/containers/create",
                                    {{"Image", official().id}, {"Entrypoint", {"sh", "-c", script}}, {"User", "root"}});
    const std::string id = made.at("Id").get<std::string>();
    client().must("POST", "/containers/" + id + "/start");
    client().must("POST", "/containers/" + id + "/wait");
    runtime::Image changed = official();
    const std::string name = "betterpg-test:changed";
    changed.reference = name;
    changed.id = client().must("POST", "/commit?container=" + id + "&repo=betterpg-test&tag=changed",
                               {{"Entrypoint", {"docker-entrypoint.sh"}}, {"Cmd", {"postgres"}}}).at("Id").get<std::string>();
    client().must("DELETE", "/containers/" + id + "?v=1");
    return changed;
  }
};

TEST_F(EntrypointTest, RunsTheScriptsOfTheImage) {
  const auto spec = server_without_cluster(official());
  make_cluster_with_entrypoint(client(), official(), spec.data_directory);
  EXPECT_EQ(containers(), std::vector<std::string>{});
  EXPECT_FALSE(fs::exists(spec.data_directory / "postmaster.pid"));
  EXPECT_FALSE(fs::exists(spec.data_directory.parent_path() / "initdb-password"));

  start(spec);
  auto connection = session(spec);
  EXPECT_EQ(connection.query_value("SELECT answer FROM made_by_sql"), "42");
  EXPECT_EQ(connection.query_value("SELECT count(*) FROM made_by_script"), "0");
  EXPECT_EQ(connection.query_value("SHOW data_checksums"), "on");
  EXPECT_EQ(connection.query_value("SHOW server_encoding"), "UTF8");
  EXPECT_EQ(connection.query_value("SELECT datcollate FROM pg_database WHERE datname = 'postgres'"), "C.UTF-8");
  EXPECT_EQ(connection.query_value("SELECT pg_size_pretty(1::bigint)"), "1 bytes");
  stop(spec);
}

TEST_F(EntrypointTest, ClosesTheClusterToTheNetwork) {
  const auto spec = server_without_cluster(official());
  make_cluster_with_entrypoint(client(), official(), spec.data_directory);
  const std::string access = read_file(spec.data_directory / "pg_hba.conf");
  EXPECT_THAT(access, HasSubstr("host all all all scram-sha-256"));
  EXPECT_THAT(access, testing::Not(testing::ContainsRegex("host[^\n]*trust")));
  struct stat directory {};
  ASSERT_EQ(::stat(spec.data_directory.c_str(), &directory), 0);
  EXPECT_EQ(directory.st_uid, spec.account.uid);
  EXPECT_EQ(directory.st_mode & 0777, 0700U);
}

TEST_F(EntrypointTest, SaysWhatAScriptOfTheImageSaid) {
  const auto broken = official_with("echo 'SELECT * FROM no_such_table;' >/docker-entrypoint-initdb.d/30-broken.sql");
  const auto spec = server_without_cluster(broken);
  const Error error = error_of([&] { make_cluster_with_entrypoint(client(), broken, spec.data_directory); });
  EXPECT_EQ(error.code(), ErrorCode::postgres);
  EXPECT_THAT(error.message(), HasSubstr("the entrypoint of 'betterpg-test:changed' failed: "));
  EXPECT_EQ(containers(), std::vector<std::string>{});
  client().must("DELETE", "/images/betterpg-test:changed");
}

TEST_F(EntrypointTest, DoesNotWaitForEver) {
  const auto slow = official_with("echo 'SELECT pg_sleep(600);' >/docker-entrypoint-initdb.d/30-slow.sql");
  const auto spec = server_without_cluster(slow);
  const Error error =
      error_of([&] { make_cluster_with_entrypoint(client(), slow, spec.data_directory, {}, std::chrono::seconds(10)); });
  EXPECT_THAT(error.message(), HasSubstr("did not make a cluster within 10.0 s"));
  EXPECT_EQ(containers(), std::vector<std::string>{});
  client().must("DELETE", "/images/betterpg-test:changed");
}

}  // namespace
}  // namespace bpg::test
