#pragma once

#include "bpg/engine/context.hpp"

namespace bpg::engine {

/// Can a server listen on this port of the loopback interface now? Asked by binding it.
bool port_is_free(int port);

/// Throws `Error{environment}` where the port is taken.
void require_free_port(int port);

/// A port of the configured range that no live branch has and nobody listens on; `preferred` where that is one.
/// Call inside the transaction that stores it. Throws `Error{environment}` where none is left.
int choose_port(const Context& context, std::optional<int> preferred = std::nullopt);

}  // namespace bpg::engine
