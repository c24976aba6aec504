#include "bpg/runtime/runtimes.hpp"

namespace bpg::runtime {

Docker& Runtimes::docker() const {
  std::call_once(m_docker_made, [this] { m_docker = std::make_unique<Docker>(m_docker_host); });
  return *m_docker;
}

Runtime& Runtimes::of(const ServerSpec& spec) const {
  if (spec.container) {
    return docker();
  }
  return m_native;
}

}  // namespace bpg::runtime
