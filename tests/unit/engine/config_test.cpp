#include "bpg/engine/config.hpp"

#include <cstdlib>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpg/engine/configure.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"

namespace bpg::engine {
namespace {

using ::testing::HasSubstr;

const fs::path file = "/etc/betterpg/config.yaml";

Error error_of(const std::string& text) {
  return test::error_of([&] { parse_config(text, file); });
}

/// Sets a variable for as long as it lives.
class Variable {
 public:
  Variable(const std::string& name, const std::string& value) : m_name(name) { ::setenv(name.c_str(), value.c_str(), 1); }
  ~Variable() { ::unsetenv(m_name.c_str()); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string m_name;
};

TEST(Config, SectionsMayBeNestedOrJoined) {
  for (const char* text : {"ports:\n  range: 20000-20100\n", "ports.range: 20000-20100\n", "ports: {range: 20000-20100}\n"}) {
    const Config config = parse_config(text, file);
    EXPECT_EQ(config.first_port, 20000) << text;
    EXPECT_EQ(config.last_port, 20100) << text;
  }
}

TEST(Config, ContainersHaveNoLimitsUnlessSaid) {
  const Config usual = parse_config("docker:\n  memory: unlimited\n  cpus: unlimited\n  host: default\n", file);
  EXPECT_EQ(usual.docker_memory_bytes, 0);
  EXPECT_EQ(usual.docker_cpus, 0);
  EXPECT_EQ(usual.docker_host, "");
  EXPECT_EQ(usual.docker_network, "host");
  const Config config =
      parse_config("docker: {memory: 2G, cpus: 0.5, shm_size: 1G, network: dev, host: 'unix:///run/podman.sock'}\n", file);
  EXPECT_EQ(config.docker_memory_bytes, uint64_t{2} << 30);
  EXPECT_EQ(config.docker_cpus, 0.5);
  EXPECT_EQ(config.docker_shm_bytes, uint64_t{1} << 30);
  EXPECT_EQ(config.docker_network, "dev");
  EXPECT_EQ(config.docker_host, "unix:///run/podman.sock");
  for (const char* wrong : {"docker.memory: 1M\n", "docker.cpus: 0\n", "docker.cpus: 1x\n", "docker.shm_size: 10\n",
                            "docker.host: tcp://localhost:2375\n", "docker.network: ''\n"}) {
    EXPECT_THAT(error_of(wrong).message(), HasSubstr("must be ")) << wrong;
  }
}

TEST(Config, AnEmptyFileIsTheDefaults) {
  EXPECT_EQ(parse_config("", file).first_port, Config().first_port);
  EXPECT_EQ(parse_config("# only a comment\n", file).first_port, Config().first_port);
}

TEST(Config, AnErrorNamesFileLineAndKey) {
  const Error unknown = error_of("lock:\n  wait: 5s\n  wiat: 5s\n");
  EXPECT_EQ(unknown.code(), ErrorCode::usage);
  EXPECT_EQ(unknown.message(), "/etc/betterpg/config.yaml:3: unknown key 'lock.wiat'");
  EXPECT_THAT(unknown.hint(), HasSubstr("'lock.wait'"));
  EXPECT_EQ(error_of("\nports.range: 80-90\n").message(),
            "/etc/betterpg/config.yaml:2: ports.range must be two ports between 1024 and 65535, such as 15432-17431");
  EXPECT_THAT(error_of("native.bin_dirs: /usr/bin\n").message(), HasSubstr("must be a list"));
  EXPECT_THAT(error_of("lock.wait: [1s]\n").message(), HasSubstr("must be a duration"));
  EXPECT_THAT(error_of("lock.wait:\n").message(), HasSubstr("must be a duration"));
  EXPECT_THAT(error_of("a: b: c\n").message(), HasSubstr("config.yaml:1: "));
  EXPECT_THAT(error_of("- a\n").message(), HasSubstr("expected 'key: value' lines"));
  EXPECT_THAT(error_of("lock.wait: 1s\nlock:\n  wait: 2s\n").message(), HasSubstr("config.yaml:3: lock.wait is set twice"));
}

TEST(Config, ProfilesOverrideAndExtendTheBuiltInOnes) {
  const Config config = parse_config(
      "profiles:\n"
      "  ci:\n"
      "    ttl: 2h\n"
      "  mine:\n"
      "    memory: 512M\n"
      "    settings:\n"
      "      pg_stat_statements.max: 5000\n"
      "      Random_Page_Cost: 1.1\n"
      "  bare:\n",
      file);
  EXPECT_EQ(config.profiles.at("ci").ttl, std::chrono::hours(2));
  EXPECT_TRUE(config.profiles.at("ci").relaxed);
  EXPECT_EQ(config.profiles.at("mine").memory_bytes, uint64_t{512} << 20);
  EXPECT_EQ(config.profiles.at("mine").settings.at("pg_stat_statements.max"), "5000");
  EXPECT_EQ(config.profiles.at("mine").settings.at("random_page_cost"), "1.1");
  EXPECT_TRUE(config.profiles.contains("bare"));
  EXPECT_TRUE(config.profiles.contains("prod-like"));
}

TEST(Config, WrongProfilesAreRefused) {
  EXPECT_THAT(error_of("profiles.ci.durability: none\n").message(), HasSubstr("profiles.ci.durability must be durable or relaxed"));
  EXPECT_THAT(error_of("profiles.ci.tll: 1h\n").hint(), HasSubstr("profiles.ci.ttl"));
  EXPECT_THAT(error_of("profiles.CI.ttl: 1h\n").message(), HasSubstr("config.yaml:1: "));
  EXPECT_THAT(error_of("profiles.ci.memory: 1M\n").message(), HasSubstr("at least 64M"));
  EXPECT_THAT(error_of("profiles.ci: fast\n").message(), HasSubstr("a section of its own"));
  EXPECT_THAT(error_of("profiles.ci.settings.work_mem: [1]\n").message(), HasSubstr("one value"));
}

TEST(Config, AnUnknownProfileNamesTheNearOne) {
  const Config config;
  EXPECT_FALSE(find_profile(config, "dev").relaxed);
  const Error error = test::error_of([&] { find_profile(config, "prod-lik"); });
  EXPECT_EQ(error.code(), ErrorCode::usage);
  EXPECT_THAT(error.hint(), HasSubstr("'prod-like'"));
}

TEST(Config, TheEnvironmentStandsAboveTheFile) {
  const test::TemporaryDirectory directory;
  const fs::path path = directory.path() / "config.yaml";
  write_file_atomic(path, "\nlock.wait: 5s\nstorage.reserve: 1G\n");
  const Variable wait("BPG_LOCK_WAIT", "7s");
  const Variable dirs("BPG_NATIVE_BIN_DIRS", "/a:/b");
  const Variable unknown("BPG_LOCK_WIAT", "1s");
  const Variable empty("BPG_STORAGE_RESERVE", "");
  const Config config = load_config(path);
  EXPECT_EQ(config.lock_wait, std::chrono::seconds(7));
  EXPECT_EQ(config.bin_dirs, (std::vector<fs::path>{"/a", "/b"}));
  EXPECT_EQ(get_config(path, "lock.wait").origin, "environment BPG_LOCK_WAIT");
  EXPECT_EQ(get_config(path, "storage.reserve").origin, path.string() + ":3");
  EXPECT_EQ(get_config(path, "ports.range").origin, "default");
}

TEST(Config, AWrongVariableIsNamed) {
  const Variable wait("BPG_LOCK_WAIT", "soon");
  const Error error = test::error_of([] { load_config("/nonexistent/config.yaml"); });
  EXPECT_EQ(error.code(), ErrorCode::usage);
  EXPECT_EQ(error.message(), "BPG_LOCK_WAIT: lock.wait must be a duration such as 10s");
}

TEST(Config, EveryKeyIsWholeAndItsVariableIsItsOwn) {
  std::set<std::string> taken{"BPG_HOME", "BPG_KEY_FILE", "BPG_FAULT", "BPG_CLOCK_OFFSET", "BPG_BIN"};
  for (const ConfigKey& key : config_keys()) {
    EXPECT_TRUE(taken.insert(key.environment()).second) << key.name;
    EXPECT_FALSE(key.environment().starts_with("BPG_TEST")) << key.name;
    EXPECT_FALSE(key.form.empty() || key.effect.empty()) << key.name;
    // What it writes it reads, and that is the default again.
    Config config;
    const ConfigValue value = key.write(config);
    EXPECT_TRUE(key.read(config, value)) << key.name;
    EXPECT_EQ(key.write(config), value) << key.name;
  }
}

TEST(Config, TheTemplateChangesNothingAndNamesEveryKey) {
  const std::string text = config_template();
  EXPECT_EQ(parse_config(text, file).first_port, Config().first_port);
  for (const ConfigKey& key : config_keys()) {
    EXPECT_THAT(text, HasSubstr("\n# " + key.name + ": "));
  }
}

}  // namespace
}  // namespace bpg::engine
