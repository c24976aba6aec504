#pragma once

#include <string>
#include <vector>

#include "bpg/core/check.hpp"

namespace bpg::runtime {

struct NeededImage {
  std::string id;         ///< or the reference, where no id is known yet
  std::string reference;
};

/// Whether there is a Docker that servers could run in: its socket, the permission to use it, the version of its API, and that
/// containers see the same accounts as this machine; and whether the images are here that servers of this home run in. Asks only.
/// `host` as `DockerClient` takes it; `images`: none where nothing of the home needs Docker.
std::vector<Check> examine_docker(const std::string& host, const std::vector<NeededImage>& images);

}  // namespace bpg::runtime
