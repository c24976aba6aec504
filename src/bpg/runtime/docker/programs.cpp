#include "bpg/runtime/docker/programs.hpp"

#include <fmt/format.h>

#include "bpg/runtime/docker/container.hpp"
#include "bpg/util/error.hpp"

namespace bpg::runtime {

RunResult ContainerPrograms::run(const std::vector<std::string>& argv, const std::filesystem::path& writable) const {
  OneShot program{.image = m_image.id, .argv = argv, .user = user_of(m_image.uid, m_image.gid), .env = {"LC_ALL=C"}};
  if (!writable.empty()) {
    program.mounts.push_back({.path = writable, .writable = true});
  }
  return run_once(m_client, program);
}

bool ContainerPrograms::has_file(const std::filesystem::path& file) const {
  // It is only made, never started.
  const OwnedContainer container(m_client, "",
                                 {{"Image", m_image.id},
                                  {"Entrypoint", {"postgres"}},
                                  {"NetworkDisabled", true},
                                  {"Labels", {{program_label, "none"}}},
                                  {"HostConfig", {{"NetworkMode", "none"}}}});
  const auto answer = m_client.call("HEAD", "/containers/" + container.id() + "/archive?path=" + url_encoded(file.string()));
  if (answer.status != 200 && answer.status != 404) {
    throw Error(ErrorCode::environment,
                fmt::format("{} does not look for {} in '{}': {}", m_client.name(), file.string(), m_image.reference, answer.message()));
  }
  return answer.status == 200;
}

}  // namespace bpg::runtime
