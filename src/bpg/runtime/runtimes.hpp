#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "bpg/runtime/docker/docker.hpp"
#include "bpg/runtime/native/native.hpp"

namespace bpg::runtime {

/// Both ways to run a server: `spec.container` says which. Docker is not touched before the first server in a container.
class Runtimes final : public Runtime {
 public:
  /// `docker_host` as `DockerClient` takes it.
  explicit Runtimes(std::string docker_host = {}) : m_docker_host(std::move(docker_host)) {}

  void start(const ServerSpec& spec, std::chrono::seconds deadline) override { of(spec).start(spec, deadline); }
  void stop(const ServerSpec& spec, std::chrono::seconds deadline) override { of(spec).stop(spec, deadline); }
  void discard(const ServerSpec& spec, std::chrono::seconds deadline) override { of(spec).discard(spec, deadline); }
  void reload(const ServerSpec& spec) override { of(spec).reload(spec); }
  void wait_until_quiet(const ServerSpec& spec) const override { of(spec).wait_until_quiet(spec); }
  ServerStatus status(const ServerSpec& spec) const override { return of(spec).status(spec); }

  /// Safe from any thread. `Error{usage}` where the host is not a Unix socket.
  Docker& docker() const;

 private:
  Runtime& of(const ServerSpec& spec) const;

  std::string m_docker_host;
  mutable NativeRuntime m_native;
  mutable std::once_flag m_docker_made;
  mutable std::unique_ptr<Docker> m_docker;
};

}  // namespace bpg::runtime
