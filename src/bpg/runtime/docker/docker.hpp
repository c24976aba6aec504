#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bpg/runtime/runtime.hpp"

namespace bpg::runtime {

class DockerClient;

/// Runs each server in a container of its own, `bpg-<identity>` with the label `betterpg.volume=<identity>`. There is one while a
/// server runs or is to come back, and none after `stop`.
///
/// - The server is the first process of the container and runs as `spec.account`, without capabilities. The directory that the
///   data directory is in, the socket directory and `spec.container->mounts` are under the same paths inside.
/// - On another network than "host" the server listens on all addresses of its container, whatever `spec.settings` say, and its
///   port is published on 127.0.0.1.
/// - The container's log is kept within 16 MB. When the container goes, the end of it goes into `spec.log_file`.
/// - `start`, `stop` and `discard` also remove a container of this identity in which nothing runs: what an interrupted start or an
///   engine that died has left. `stop` and `discard` fail where the engine cannot be reached, since the server would come back.
/// - `status` tells the truth also while the engine is down.
class Docker final : public Runtime {
 public:
  /// As `DockerClient`; does not connect.
  explicit Docker(const std::string& host = {});
  ~Docker() override;

  void start(const ServerSpec& spec, std::chrono::seconds deadline) override;
  void stop(const ServerSpec& spec, std::chrono::seconds deadline) override;
  void discard(const ServerSpec& spec, std::chrono::seconds deadline) override;
  void reload(const ServerSpec& spec) override;
  void wait_until_quiet(const ServerSpec& spec) const override;
  ServerStatus status(const ServerSpec& spec) const override;

  struct Log {
    size_t last_lines = 100;
    bool follow = false;  ///< go on with what the server writes from now on, also after a restart, until a signal comes
    std::function<void(std::string_view)> write;
  };

  /// Hands out the end of the server's log: of its container, and before it what `spec.log_file` holds of earlier ones.
  void read_log(const ServerSpec& spec, const Log& log) const;

  /// For images (`find_image`), programs (`ContainerPrograms`) and what else is asked of the engine.
  const DockerClient& client() const { return *m_client; }

 private:
  struct Found;
  Found find(const ServerSpec& spec) const;
  void keep_log(const ServerSpec& spec, const std::string& id) const;
  void give_up(const ServerSpec& spec, const std::string& id, pid_t pid) const;

  std::unique_ptr<DockerClient> m_client;
};

}  // namespace bpg::runtime
