#pragma once

#include <string>
#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

enum class ServerAction { start, stop, restart };

/// Which branches, besides those that are named.
enum class ServerChoice {
  named,
  all,     ///< every live branch
  wanted,  ///< those that nobody has stopped; what is done to them is for now, and not what the user asked for
};

struct ControlServers {
  ServerAction action = ServerAction::start;
  std::vector<Subject> subjects{};
  ServerChoice choice = ServerChoice::named;
};

/// Starts, stops or restarts; what is so already stays so. Every subject is looked up before anything is done. A
/// failure of one does not keep the others from being tried; then the first failure is thrown.
std::vector<BranchView> control_servers(Context& context, const ControlServers& request);

}  // namespace bpg::engine
