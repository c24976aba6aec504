#include "bpg/runtime/docker/docker_examine.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "bpg/runtime/docker/client.hpp"
#include "bpg/runtime/docker/image.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/process.hpp"

namespace bpg::runtime {

namespace {

using enum Check::Verdict;

Check ask(const DockerClient& client, Check::Verdict worst) {
  const EngineInfo info = client.info();
  const std::string engine = fmt::format("{} {} with API {} at {}", client.name(), info.version, info.api_version, client.host());
  if (info.rootless) {
    return {"docker", worst, engine + ": its containers see other accounts than this machine, so that data would belong to nobody",
            "use a Docker that is neither rootless nor has userns-remap"};
  }
  return {"docker", ok, engine};
}

std::string remedy(const Error& error) {
  if (error.code() == ErrorCode::permission) {
    return fmt::format("usermod -aG docker {} (then a new login; members of that group are as good as root)", current_account().name);
  }
  return error.hint();
}

/// No two checks have the same: a reference may have come to mean another image since a database was made.
std::string name_of(const NeededImage& image, const std::vector<NeededImage>& images) {
  const bool alone = std::ranges::count(images, image.reference, &NeededImage::reference) == 1;
  return "image " + (alone ? image.reference : fmt::format("{} ({})", image.reference, image.id));
}

Check examine_image(const DockerClient& client, const NeededImage& image, const std::vector<NeededImage>& images) {
  const std::string name = name_of(image, images);
  return has_image(client, image.id) ? Check{name, ok, image.id}
                                     : Check{name, missing, "it is not on this machine", "docker pull " + image.reference};
}

}  // namespace

std::vector<Check> examine_docker(const std::string& host, const std::vector<NeededImage>& images) {
  const bool needed = !images.empty();
  const Check::Verdict worst = needed ? missing : warning;
  try {
    const DockerClient client(host);
    std::error_code ignored;
    const std::filesystem::path socket = client.host().substr(std::string_view("unix://").size());
    if (!std::filesystem::exists(socket, ignored)) {
      return {needed ? Check{"docker", missing, fmt::format("there is no {}", socket.string()), "apt-get install docker.io"}
                     : Check{"docker", ok, fmt::format("there is no {}; only servers in containers need it", socket.string())}};
    }
    std::vector<Check> checks{ask(client, worst)};
    for (const NeededImage& image : images) {
      checks.push_back(examine_image(client, image, images));
    }
    return checks;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) {
      throw;
    }
    return {{"docker", worst, error.message(), remedy(error)}};
  }
}

}  // namespace bpg::runtime
