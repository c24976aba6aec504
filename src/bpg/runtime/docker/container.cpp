#include "bpg/runtime/docker/container.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::runtime {

using nlohmann::json;

OwnedContainer::OwnedContainer(const DockerClient& client, const std::string& name, const json& spec) : m_client(client) {
  const std::string path = "/containers/create" + (name.empty() ? "" : "?name=" + url_encoded(name));
  m_id = client.must("POST", path, spec).at("Id").get<std::string>();
}

OwnedContainer::~OwnedContainer() {
  if (!m_owned) {
    return;
  }
  const HoldInterrupts hold;
  try {
    remove_container(m_client, m_id);
  } catch (const Error&) {
    // The daemon has gone away. The next start, stop or discard of its server removes it; a program's goes by itself.
  }
}

void OwnedContainer::start() const { m_client.must("POST", "/containers/" + m_id + "/start"); }

namespace {

bool has_ended(const DockerClient& client, const std::string& id) {
  const auto answer = client.call("GET", "/containers/" + id + "/json");
  return answer.status == 404 || (answer.ok() && !answer.body.at("State").at("Running").get<bool>());
}

}  // namespace

void remove_container(const DockerClient& client, const std::string& id) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  if (client.is_podman()) {
    // It would be asked to end, and waited for.
    client.call("POST", "/containers/" + id + "/kill?signal=SIGKILL");
  }
  for (bool again = false;;) {
    const auto answer = client.call("DELETE", "/containers/" + id + "?force=1&v=1");
    if (answer.ok() || answer.status == 404) {
      return;
    }
    // Where it ends by itself at that moment, there is nothing to kill, which is an error to some engines (Docker 20.10,
    // daemon/delete.go).
    if (answer.status == 500 && !again && has_ended(client, id)) {
      again = true;
      continue;
    }
    // 409: somebody else is removing it, perhaps the engine itself. Nothing tells when that is done.
    if (answer.status != 409 || std::chrono::steady_clock::now() > deadline) {
      throw Error(ErrorCode::environment,
                  fmt::format("{} does not remove the container {}: {}", client.name(), id.substr(0, 12), answer.message()));
    }
    ::poll(nullptr, 0, 5);
  }
}

void OutputFrames::feed(std::string_view bytes) {
  constexpr size_t head_size = 8;
  while (!bytes.empty()) {
    if (m_left == 0) {
      const size_t missing = std::min(head_size - m_head.size(), bytes.size());
      m_head += bytes.substr(0, missing);
      bytes.remove_prefix(missing);
      if (m_head.size() < head_size) {
        return;
      }
      const auto byte = [this](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(m_head[at])); };
      m_stream = byte(0) == 2 ? Stream::err : Stream::out;
      m_left = byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
      m_head.clear();
      continue;
    }
    const std::string_view piece = bytes.substr(0, m_left);
    m_write(m_stream, piece);
    m_left -= piece.size();
    bytes.remove_prefix(piece.size());
  }
}

json mount_json(const Mount& mount) {
  return {{"Type", "bind"}, {"Source", mount.path.string()}, {"Target", mount.path.string()}, {"ReadOnly", !mount.writable}};
}

std::string user_of(uid_t uid, gid_t gid) { return fmt::format("{}:{}", uid, gid); }

namespace {

constexpr size_t most_out = size_t{16} << 20;
constexpr size_t most_err = size_t{64} << 10;

void append(std::string& text, std::string_view piece, size_t most) { text += piece.substr(0, most - std::min(most, text.size())); }

json one_shot_json(const OneShot& program) {
  json mounts = json::array();
  for (const Mount& mount : program.mounts) {
    mounts.push_back(mount_json(mount));
  }
  return {{"Image", program.image},
          {"Entrypoint", {program.argv.at(0)}},
          {"Cmd", std::vector<std::string>(program.argv.begin() + 1, program.argv.end())},
          {"User", program.user},
          {"Env", program.env},
          {"WorkingDir", "/"},
          {"AttachStdout", true},
          {"AttachStderr", true},
          {"NetworkDisabled", true},
          {"Healthcheck", {{"Test", {"NONE"}}}},
          {"Labels", {{program_label, program.argv.at(0)}}},
          {"HostConfig",
           {{"NetworkMode", "none"},
            {"AutoRemove", true},
            {"Mounts", mounts},
            {"LogConfig", {{"Type", "none"}}},
            {"SecurityOpt", {"no-new-privileges"}}}}};
}

}  // namespace

RunResult run_once(const DockerClient& client, const OneShot& program) {
  const OwnedContainer container(client, "", one_shot_json(program));
  // Both before the start: the container is gone as soon as the program has ended. Not condition=removed: of a container that it
  // has removed, Podman says that it ended well, however it did.
  HttpAnswer output = client.stream("POST", "/containers/" + container.id() + "/attach?stream=1&stdout=1&stderr=1");
  HttpAnswer end = client.stream("POST", "/containers/" + container.id() + "/wait?condition=next-exit");
  container.start();
  RunResult result;
  OutputFrames frames([&result](OutputFrames::Stream stream, std::string_view piece) {
    stream == OutputFrames::Stream::out ? append(result.out, piece, most_out) : append(result.err, piece, most_err);
  });
  while (const auto bytes = output.read()) {
    frames.feed(*bytes);
  }
  const json status = json::parse(end.read_all(), nullptr, false);
  if (!status.is_object() || !status.contains("StatusCode")) {
    throw Error(ErrorCode::environment, fmt::format("{} does not tell how {} ended", client.name(), program.argv.at(0)));
  }
  result.exit_status = status["StatusCode"].get<int>();
  return result;
}

}  // namespace bpg::runtime
