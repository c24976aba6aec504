#include "bpg/runtime/docker/image.hpp"

#include <charconv>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "bpg/runtime/docker/client.hpp"
#include "bpg/runtime/docker/container.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::runtime {

using nlohmann::json;

namespace {

constexpr std::string_view entrypoint_name = "docker-entrypoint.sh";

Error not_to_be_had(const std::string& reference, const std::string& words) {
  return Error(ErrorCode::not_found, fmt::format("there is no image '{}' here{}", reference, words),
               fmt::format("'docker pull {}' gets it from a registry, 'docker load' from a file of 'docker save', and "
                           "'docker import' makes one from the tar file of a root.",
                           reference));
}

/// "repository", "tag"; a digest stays with the repository.
std::pair<std::string, std::string> split_reference(const std::string& reference) {
  const size_t slash = reference.rfind('/');
  const size_t colon = reference.rfind(':');
  if (reference.find('@') != std::string::npos) {
    return {reference, ""};
  }
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) {
    return {reference, "latest"};
  }
  return {reference.substr(0, colon), reference.substr(colon + 1)};
}

/// The messages of a pull, a line of JSON each.
class PullMessages {
 public:
  PullMessages(const FindImage& request) : m_request(request) {}

  void feed(std::string_view bytes) {
    m_rest += bytes;
    for (size_t end = 0; (end = m_rest.find('\n')) != std::string::npos; m_rest.erase(0, end + 1)) {
      take(json::parse(m_rest.substr(0, end), nullptr, false));
    }
  }

 private:
  void take(const json& message) {
    if (!message.is_object()) {
      return;
    }
    if (message.contains("error")) {
      throw not_to_be_had(m_request.reference, fmt::format(", and it cannot be pulled: {}", message.value("error", "")));
    }
    const json detail = message.value("progressDetail", json::object());
    if (message.contains("id") && detail.contains("current")) {
      // A layer is loaded, then unpacked: its bytes count when they are loaded.
      if (message.value("status", "") == "Downloading") {
        m_layers[message["id"].get<std::string>()] = {detail.value("current", uint64_t{0}), detail.value("total", uint64_t{0})};
      }
    } else if (message.value("status", "") == "Download complete") {
      auto& layer = m_layers[message.value("id", "")];
      layer.first = layer.second;
    }
    if (m_request.progress) {
      PullProgress progress{.status = message.value("status", "")};
      for (const auto& [id, bytes] : m_layers) {
        progress.done += bytes.first;
        progress.total += bytes.second;
      }
      m_request.progress(progress);
    }
  }

  const FindImage& m_request;
  std::string m_rest;
  std::map<std::string, std::pair<uint64_t, uint64_t>> m_layers;
};

std::optional<json> inspect(const DockerClient& client, const std::string& image) {
  auto answer = client.call("GET", "/images/" + url_encoded(image) + "/json");
  // No reference can look like that: to Docker a wrong request, to Podman an error of its own.
  const bool no_reference = answer.status == 400 || answer.message().ends_with("invalid reference format");
  if (answer.status == 404 || no_reference) {
    return std::nullopt;
  }
  if (!answer.ok()) {
    throw Error(ErrorCode::environment, fmt::format("{} refuses: {}", client.name(), answer.message()));
  }
  return std::move(answer.body);
}

void pull(const DockerClient& client, const FindImage& request) {
  const auto [repository, tag] = split_reference(request.reference);
  try {
    HttpAnswer answer = client.stream("POST", "/images/create?fromImage=" + url_encoded(repository) +
                                                  (tag.empty() ? "" : "&tag=" + url_encoded(tag)));
    PullMessages messages(request);
    while (const auto bytes = answer.read()) {
      messages.feed(*bytes);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::environment) {
      throw;
    }
    throw not_to_be_had(request.reference, fmt::format(", and it cannot be pulled: {}", error.message()));
  }
}

bool begins_with_entrypoint(const json& image) {
  const json entrypoint = image.value("Config", json::object()).value("Entrypoint", json());
  return entrypoint.is_array() && !entrypoint.empty() && entrypoint.back().is_string() &&
         entrypoint.back().get<std::string>().ends_with(entrypoint_name);
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

Error no_server(const std::string& reference, const std::string& words) {
  return Error(ErrorCode::postgres, fmt::format("the image '{}' has no PostgreSQL server: {}", reference, words),
               "It must have 'sh', 'postgres' and 'initdb' in its PATH, and an account named 'postgres'.");
}

/// "postgres (PostgreSQL) 15.8 (Debian …)" and the two ids, a line each.
ImageContents look_into(const DockerClient& client, const std::string& reference, const std::string& id) {
  RunResult result;
  try {
    result = run_once(client, {.image = id,
                               .argv = {"sh", "-euc", "command -v initdb >&2; postgres --version; id -u postgres; id -g postgres"},
                               .env = {"LC_ALL=C"}});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::environment) {
      throw;
    }
    throw no_server(reference, error.message());
  }
  constexpr std::string_view mark = "(PostgreSQL) ";
  const auto lines = split(trim(result.out), '\n');
  const size_t at = lines.at(0).find(mark);
  if (result.exit_status != 0 || lines.size() != 3 || at == std::string_view::npos) {
    const std::string words(trim(result.err));
    throw no_server(reference, words.empty() ? fmt::format("exit status {}", result.exit_status) : words);
  }
  const auto major = number(lines[0].substr(at + mark.size()));
  const auto uid = number(lines[1]);
  const auto gid = number(lines[2]);
  if (!major || !uid || !gid) {
    throw no_server(reference, fmt::format("it says '{}'", trim(result.out)));
  }
  return {.pg_major = static_cast<int>(*major), .uid = *uid, .gid = *gid};
}

}  // namespace

bool has_image(const DockerClient& client, const std::string& image) { return inspect(client, image).has_value(); }

Image find_image(const DockerClient& client, const FindImage& request) {
  if (client.info().rootless) {
    throw Error(ErrorCode::environment,
                fmt::format("Docker at {} gives its containers other user ids than this machine's", client.host()),
                "A rootless daemon, or one with userns-remap, cannot share the directories of branches: use another one.");
  }
  auto found = inspect(client, request.reference);
  if (!found && request.pull && !request.reference.starts_with("sha256:")) {
    pull(client, request);
    found = inspect(client, request.reference);
  }
  if (!found) {
    throw not_to_be_had(request.reference, "");
  }
  const std::string id = found->at("Id").get<std::string>();
  const auto known = request.known ? request.known(id) : std::nullopt;
  return {known ? *known : look_into(client, request.reference, id), request.reference, id, begins_with_entrypoint(*found)};
}

}  // namespace bpg::runtime
