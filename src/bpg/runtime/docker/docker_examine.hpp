#pragma once

#include <vector>

#include "bpg/core/check.hpp"

namespace bpg::runtime {

/// Whether there is a Docker that servers could run in: its socket, the permission to use it, the version of its API, and that
/// containers see the same accounts as this machine. Asks only. `needed`: servers of this home run there.
Check examine_docker(bool needed);

}  // namespace bpg::runtime
