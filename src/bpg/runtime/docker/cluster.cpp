#include "bpg/runtime/docker/cluster.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/postgres/data_directory.hpp"
#include "bpg/runtime/docker/container.hpp"
#include "bpg/runtime/docker/server_container.hpp"
#include "bpg/runtime/postmaster.hpp"
#include "bpg/runtime/server_process.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/random.hpp"
#include "bpg/util/text.hpp"

namespace bpg::runtime {

using nlohmann::json;

namespace {

/// The entrypoint wants a password, or it opens the cluster to everybody. In a file: anybody who may use Docker can read the
/// environment of a container.
class PasswordFile {
 public:
  PasswordFile(fs::path path, const Image& image) : m_path(std::move(path)) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    write_file_atomic(m_path, random_text(32, letters), {.mode = 0600, .owner = {image.uid, image.gid}, .durable = false});
  }
  ~PasswordFile() {
    std::error_code gone_with_its_directory;
    fs::remove(m_path, gone_with_its_directory);
  }
  PasswordFile(const PasswordFile&) = delete;
  PasswordFile& operator=(const PasswordFile&) = delete;

  const fs::path& path() const { return m_path; }

 private:
  fs::path m_path;
};

/// Scripts of images connect over the socket as whom they like, as the official image allows it. What betterpg starts later uses an
/// access file of its own.
std::string initdb_arguments(const postgres::ClusterOptions& options) {
  return fmt::format("--auth-local=trust --auth-host=scram-sha-256 {}", fmt::join(postgres::initdb_options(options), " "));
}

json entrypoint_container(const Image& image, const fs::path& data_directory, const fs::path& password,
                          const postgres::ClusterOptions& options) {
  const std::vector<std::string> env{"PGDATA=" + data_directory.string(), fmt::format("POSTGRES_USER={}", postgres::superuser),
                                     "POSTGRES_PASSWORD_FILE=" + password.string(), "POSTGRES_INITDB_ARGS=" + initdb_arguments(options)};
  return {{"Image", image.id},
          {"Cmd", {"postgres", "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off"}},
          {"User", user_of(image.uid, image.gid)},
          {"Env", env},
          {"NetworkDisabled", true},
          {"Healthcheck", {{"Test", {"NONE"}}}},
          {"StopSignal", "SIGINT"},
          {"Labels", {{program_label, "docker-entrypoint.sh"}}},
          {"HostConfig",
           {{"NetworkMode", "none"},
            {"Mounts", {mount_json({.path = data_directory.parent_path(), .writable = true})}},
            {"LogConfig", {{"Type", "json-file"}, {"Config", {{"max-size", "4m"}}}}},
            {"CapDrop", {"ALL"}},
            {"SecurityOpt", {"no-new-privileges"}}}}};
}

std::string last_line(const std::string& log) {
  const std::string_view text = trim(log);
  return text.empty() ? "it says nothing" : std::string(trim(text.substr(text.rfind('\n') + 1)));
}

}  // namespace

void make_cluster_with_entrypoint(const DockerClient& client, const Image& image, const fs::path& data_directory,
                                  const postgres::ClusterOptions& options, std::chrono::seconds deadline) {
  const PasswordFile password(data_directory.parent_path() / "initdb-password", image);
  const OwnedContainer container(client, "", entrypoint_container(image, data_directory, password.path(), options));
  container.start();
  const pid_t pid = client.must("GET", "/containers/" + container.id() + "/json").at("State").value("Pid", 0);
  const UniqueFd process = pid > 0 ? open_process(pid) : UniqueFd();
  // While it makes the cluster, the entrypoint is the container's first process, and its temporary servers have other numbers.
  // In the end it becomes the server that was asked for: the first process says that it is ready.
  ServerSpec spec;
  spec.data_directory = data_directory;
  const Startup startup =
      process ? wait_until_ready(spec, {.pidfd = process.get(), .pid = pid, .own_number = 1}, deadline) : Startup::ended;
  if (startup == Startup::late) {
    throw Error(ErrorCode::postgres, fmt::format("the entrypoint of '{}' did not make a cluster within {}", image.reference,
                                                 format_duration(deadline)));
  }
  if (startup == Startup::ready) {
    client.must("POST", "/containers/" + container.id() + "/kill?signal=SIGINT");
  }
  const json end = json::parse(client.stream("POST", "/containers/" + container.id() + "/wait").read_all(), nullptr, false);
  if (startup == Startup::ended || !end.is_object() || end.value("StatusCode", -1) != 0) {
    throw Error(ErrorCode::postgres, fmt::format("the entrypoint of '{}' failed: {}", image.reference,
                                                 last_line(container_log(client, container.id(), 100))),
                fmt::format("'docker run' of the image with a POSTGRES_PASSWORD shows all that it says."));
  }
}

}  // namespace bpg::runtime
