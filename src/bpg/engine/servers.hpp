#pragma once

#include <string>
#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

enum class ServerAction { start, stop, restart };

struct ControlServers {
  ServerAction action = ServerAction::start;
  std::vector<Subject> subjects{};
  bool all = false;  ///< every live branch
};

/// Starts, stops or restarts; what is so already stays so. Every subject is looked up before anything is done. A
/// failure of one does not keep the others from being tried; then the first failure is thrown.
std::vector<BranchView> control_servers(Context& context, const ControlServers& request);

}  // namespace bpg::engine
