#include "bpg/runtime/docker/client.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::runtime {

namespace {

constexpr std::string_view unix_scheme = "unix://";
constexpr std::string_view usual_host = "unix:///var/run/docker.sock";

struct ApiVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const ApiVersion&) const = default;
};

/// Docker 20.10's, the oldest that is tested.
constexpr ApiVersion oldest{1, 41};
/// What newer ones add or change is not known here.
constexpr ApiVersion newest{1, 47};

ApiVersion parse_version(std::string_view text) {
  ApiVersion version;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version.major);
  if (error == std::errc{} && end != text.data() + text.size() && *end == '.') {
    std::from_chars(end + 1, text.data() + text.size(), version.minor);
  }
  return version;
}

std::string str(ApiVersion version) { return fmt::format("{}.{}", version.major, version.minor); }

Error unreachable(const std::string& host, const Error& error) {
  if (error.code() == ErrorCode::interrupted) {
    return error;
  }
  if (error.code() == ErrorCode::permission) {
    return Error(ErrorCode::permission, fmt::format("Docker's socket {} is not for this user", host),
                 "Members of the group docker may use it ('usermod -aG docker USER', then a new login); they are as good as root.");
  }
  return Error(error.code(), fmt::format("Docker at {} cannot be reached: {}", host, error.message()),
               fmt::format("Is it installed, and does it run? 'systemctl start {}' starts it.",
                           host.find("podman") == std::string::npos ? "docker" : "podman.socket"));
}

}  // namespace

std::string DockerClient::Answer::message() const {
  if (body.is_object() && body.contains("message") && body["message"].is_string()) {
    return body["message"].get<std::string>();
  }
  return fmt::format("HTTP status {}", status);
}

DockerClient::DockerClient(const std::string& host) : m_host(host) {
  if (m_host.empty()) {
    const char* from_environment = std::getenv("DOCKER_HOST");
    m_host = from_environment && *from_environment ? from_environment : usual_host;
  }
  if (!m_host.starts_with(unix_scheme) || m_host.size() <= unix_scheme.size() || m_host[unix_scheme.size()] != '/') {
    throw Error(ErrorCode::usage, fmt::format("Docker's address '{}' is not that of a Unix socket", m_host),
                "Branches are directories of this machine, so Docker must run here, too: 'unix:///var/run/docker.sock'.");
  }
  m_socket = m_host.substr(unix_scheme.size());
}

HttpAnswer DockerClient::send(HttpRequest request) const {
  try {
    return send_http(m_socket, request);
  } catch (const Error& error) {
    throw unreachable(m_host, error);
  }
}

const DockerClient::Engine& DockerClient::engine() const {
  std::call_once(m_asked, [this] {
    const HttpAnswer answer = send({.method = "GET", .target = "/_ping"});
    const std::string offered = answer.header("Api-Version");
    const ApiVersion version = parse_version(offered);
    if (version < oldest) {
      throw Error(ErrorCode::environment,
                  fmt::format("Docker at {} is too old: it speaks version {} of its API, not {}", m_host,
                              offered.empty() ? "none" : offered, str(oldest)),
                  "Docker 20.10 or newer is needed.");
    }
    m_engine = {.api_version = str(std::min(version, newest)), .podman = !answer.header("Libpod-Api-Version").empty()};
  });
  return m_engine;
}

bool DockerClient::is_podman() const { return engine().podman; }

const char* DockerClient::name() const { return is_podman() ? "Podman" : "Docker"; }

DockerClient::Answer DockerClient::call(const std::string& method, const std::string& path, const nlohmann::json& body) const {
  HttpAnswer answer =
      send({.method = method, .target = "/v" + engine().api_version + path, .body = body.is_null() ? "" : body.dump()});
  Answer result{.status = answer.status(), .body = {}};
  try {
    result.body = nlohmann::json::parse(answer.read_all(), nullptr, false);
  } catch (const Error& error) {
    throw unreachable(m_host, error);
  }
  if (result.body.is_discarded()) {
    result.body = nullptr;
  }
  return result;
}

nlohmann::json DockerClient::must(const std::string& method, const std::string& path, const nlohmann::json& body) const {
  Answer answer = call(method, path, body);
  if (!answer.ok()) {
    throw Error(ErrorCode::environment, fmt::format("{} refuses: {}", name(), answer.message()));
  }
  return std::move(answer.body);
}

namespace {

/// Throws where the answer is a refusal.
HttpAnswer accepted(const DockerClient& client, HttpAnswer answer) {
  if (answer.status() >= 300) {
    const DockerClient::Answer refusal{.status = answer.status(), .body = nlohmann::json::parse(answer.read_all(), nullptr, false)};
    throw Error(ErrorCode::environment, fmt::format("{} refuses: {}", client.name(), refusal.message()));
  }
  return answer;
}

}  // namespace

HttpAnswer DockerClient::stream(const std::string& method, const std::string& path, const nlohmann::json& body) const {
  return accepted(*this, send({.method = method,
                               .target = "/v" + engine().api_version + path,
                               .body = body.is_null() ? "" : body.dump(),
                               .patience = std::nullopt}));
}

std::optional<HttpAnswer> DockerClient::stream_if_there(const std::string& method, const std::string& path) const {
  HttpAnswer answer = send({.method = method, .target = "/v" + engine().api_version + path, .patience = std::nullopt});
  if (answer.status() == 404 || answer.status() == 409) {
    return std::nullopt;
  }
  return accepted(*this, std::move(answer));
}

EngineInfo DockerClient::info() const {
  const nlohmann::json info = must("GET", "/info");
  EngineInfo result{.version = info.value("ServerVersion", ""), .api_version = engine().api_version};
  if (const auto options = info.find("SecurityOptions"); options != info.end() && options->is_array()) {
    result.rootless = std::ranges::any_of(*options, [](const nlohmann::json& option) {
      return option.is_string() && (option == "name=rootless" || option == "name=userns");
    });
  }
  return result;
}

std::string url_encoded(std::string_view text) {
  std::string encoded;
  for (const char character : text) {
    if (std::isalnum(static_cast<unsigned char>(character)) || std::string_view("-._~").find(character) != std::string_view::npos) {
      encoded += character;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(character));
    }
  }
  return encoded;
}

}  // namespace bpg::runtime
