#include "bpg/runtime/docker/server_container.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "bpg/runtime/docker/container.hpp"
#include "bpg/runtime/server_process.hpp"
#include "bpg/util/file.hpp"

namespace bpg::runtime {

using nlohmann::json;

namespace {

/// In a container every server calls itself 1, so the lock file of one that was killed looks like that of its successor. Removed
/// first, a lock file is always that of the server that runs. PostgreSQL, as number 1, would overwrite it anyway (miscinit.c,
/// CreateLockFile). $1 is the data directory.
constexpr const char* launcher = R"(rm -f "$1/postmaster.pid"; shift; exec "$0" "$@")";

constexpr size_t most_log_bytes = size_t{16} << 20;

json mounts_of(const ServerSpec& spec) {
  json mounts{mount_json({.path = spec.data_directory.parent_path(), .writable = true}),
              mount_json({.path = spec.socket_directory, .writable = true})};
  for (const Mount& mount : spec.container->mounts) {
    mounts.push_back(mount_json(mount));
  }
  return mounts;
}

}  // namespace

std::string container_name(const ServerSpec& spec) { return "bpg-" + spec.identity; }

json server_container(const ServerSpec& spec) {
  const Container& container = *spec.container;
  std::vector<std::string> command{spec.data_directory.string()};
  std::ranges::move(server_arguments(spec), std::back_inserter(command));
  json host{{"NetworkMode", container.network},
            {"Mounts", mounts_of(spec)},
            {"RestartPolicy", {{"Name", "no"}}},
            {"LogConfig", {{"Type", "json-file"}, {"Config", {{"max-size", "8m"}, {"max-file", "2"}}}}},
            {"ShmSize", container.shm_bytes},
            {"Memory", container.memory_bytes},
            {"NanoCpus", static_cast<uint64_t>(std::llround(container.cpus * 1e9))},
            {"CapDrop", {"ALL"}},
            {"SecurityOpt", {"no-new-privileges"}},
            {"Init", false}};
  json spec_json{{"Image", container.image},
                 {"User", user_of(spec.account.uid, spec.account.gid)},
                 {"WorkingDir", "/"},
                 {"Labels", {{volume_label, spec.identity}}},
                 {"StopSignal", "SIGINT"},
                 {"StopTimeout", 60},
                 {"Healthcheck", {{"Test", {"NONE"}}}}};
  if (container.network != host_network) {
    const std::string port = fmt::format("{}/tcp", spec.port);
    host["PortBindings"][port] = json::array({{{"HostIp", "127.0.0.1"}, {"HostPort", fmt::format("{}", spec.port)}}});
    spec_json["ExposedPorts"][port] = json::object();
    command.push_back("-c");
    command.push_back("listen_addresses=*");
  }
  spec_json["Entrypoint"] = {"sh", "-c", launcher, spec.program.string()};
  spec_json["Cmd"] = command;
  spec_json["HostConfig"] = host;
  return spec_json;
}

namespace {

void read_container_log(const DockerClient& client, const std::string& id, const std::string& which,
                        const std::function<void(std::string_view)>& write) {
  auto answer = client.stream_if_there("GET", fmt::format("/containers/{}/logs?stdout=1&stderr=1&{}", id, which));
  OutputFrames frames([&write](OutputFrames::Stream, std::string_view piece) { write(piece); });
  while (const auto bytes = answer ? answer->read() : std::nullopt) {
    frames.feed(*bytes);
  }
}

}  // namespace

std::string container_log(const DockerClient& client, const std::string& id, size_t lines) {
  std::string text;
  read_container_log(client, id, fmt::format("tail={}", lines), [&text](std::string_view piece) { text += piece; });
  return text;
}

void follow_container_log(const DockerClient& client, const std::string& id, const std::string& tail,
                          const std::function<void(std::string_view)>& write) {
  read_container_log(client, id, "follow=1&tail=" + tail, write);
}

void append_log(const ServerSpec& spec, std::string_view text) {
  if (text.empty()) {
    return;
  }
  std::string log = read_file_if_exists(spec.log_file).value_or("");
  log += text;
  if (log.size() > most_log_bytes) {
    log.erase(0, log.find('\n', log.size() - most_log_bytes) + 1);
  }
  write_file_atomic(spec.log_file, log,
                    {.mode = 0600, .owner = {.uid = spec.account.uid, .gid = spec.account.gid}, .durable = false});
}

size_t count_lines(std::string_view text) { return static_cast<size_t>(std::ranges::count(text, '\n')); }

std::string_view last_lines(std::string_view text, size_t count) {
  size_t begin = text.size();
  for (size_t lines = 0; begin > 0; --begin) {
    if (text[begin - 1] == '\n' && begin != text.size() && ++lines == count) {
      break;
    }
  }
  return count == 0 ? std::string_view() : text.substr(begin);
}

}  // namespace bpg::runtime
