#include "bpg/engine/port.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::engine {

bool port_is_free(int port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;  // as PostgreSQL does: connections of a server that just stopped do not count
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void require_free_port(int port) {
  if (!port_is_free(port)) {
    throw Error(ErrorCode::environment, fmt::format("port {} is taken by another program", port),
                fmt::format("A branch keeps its port. 'ss -ltnp sport = {}' shows who has it; stop that, then try again.", port));
  }
}

int choose_port(const Context& context, std::optional<int> preferred) {
  const auto reserved = context.catalog.branches.live_ports();
  const auto fits = [&reserved](int port) { return !reserved.contains(port) && port_is_free(port); };
  if (preferred && fits(*preferred)) {
    return *preferred;
  }
  for (int port = context.config.first_port; port <= context.config.last_port; ++port) {
    if (fits(port)) {
      return port;
    }
  }
  throw Error(ErrorCode::environment,
              fmt::format("no port is left between {} and {}", context.config.first_port, context.config.last_port),
              "Delete branches, or widen ports.range in the configuration.");
}

}  // namespace bpg::engine
