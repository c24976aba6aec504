#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "bpg/runtime/docker/http.hpp"

namespace bpg::runtime {

/// What an engine says of itself.
struct EngineInfo {
  std::string version;      ///< of the daemon, "20.10.24"
  std::string api_version;  ///< that is spoken with it, "1.41"
  bool rootless = false;    ///< its containers see other user ids than this machine
};

/// Speaks the Docker Engine API (docs.docker.com/engine/api). Connects with each call, so it may be used by several threads, and
/// the daemon may be restarted between two calls.
///
/// Errors are `Error{environment}` where there is no daemon, or one that is too old, and `Error{permission}` where its socket is
/// not for this user; each with what to do.
class DockerClient {
 public:
  /// `host` is "unix:///path"; where it is empty, DOCKER_HOST of the environment, else Docker's usual socket. `Error{usage}`
  /// for another kind of address. Does not connect.
  explicit DockerClient(const std::string& host = {});

  const std::string& host() const { return m_host; }

  struct Answer {
    int status = 0;
    nlohmann::json body;  ///< null where there is none
    bool ok() const { return status < 300 || status == 304; }
    /// The engine's words about what went wrong.
    std::string message() const;
  };

  /// `path` begins behind the version, "/containers/json". Whatever the status is, it is an answer.
  Answer call(const std::string& method, const std::string& path, const nlohmann::json& body = {}) const;

  /// As `call`; a status that is an error throws `Error{environment}` with the engine's words.
  nlohmann::json must(const std::string& method, const std::string& path, const nlohmann::json& body = {}) const;

  /// As `must`, for an answer that comes piece by piece and may take for ever.
  HttpAnswer stream(const std::string& method, const std::string& path, const nlohmann::json& body = {}) const;

  /// As `stream`, of something that may be gone, or about to be: then nothing.
  std::optional<HttpAnswer> stream_if_there(const std::string& method, const std::string& path) const;

  EngineInfo info() const;

  /// Whether it is Podman (podman-system-service(1)), which answers at the same addresses, but not at all of them.
  bool is_podman() const;

  /// As users call it: "Docker" or "Podman".
  const char* name() const;

 private:
  struct Engine {
    std::string api_version;  ///< that is spoken with it
    bool podman = false;
  };

  HttpAnswer send(HttpRequest request) const;
  const Engine& engine() const;

  std::string m_host;
  std::filesystem::path m_socket;
  mutable std::once_flag m_asked;
  mutable Engine m_engine;
};

/// As a parameter's value stands in a URL.
std::string url_encoded(std::string_view text);

}  // namespace bpg::runtime
