#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpg/util/process.hpp"

namespace bpg::runtime {

/// A directory or file of this machine that a container sees under the same path.
struct Mount {
  std::filesystem::path path;
  bool writable = false;
};

/// The network of a container that has none of its own: this machine's.
inline constexpr const char* host_network = "host";

/// The container that a server runs in. All paths of the server are the same inside as outside.
struct Container {
  std::string image;            ///< its id ("sha256:…"), or a reference that the engine knows
  std::vector<Mount> mounts{};  ///< besides the data directory's volume and the socket directory
  std::string network;          ///< `host_network`, or a network of the engine; then the port is published on loopback
  uint64_t shm_bytes = 0;       ///< of /dev/shm
  uint64_t memory_bytes = 0;    ///< 0: no limit
  double cpus = 0;              ///< 0: no limit
  bool comes_back = false;      ///< once it is up, the engine starts it again after a reboot or a restart of itself
};

/// Everything a driver must know to run one PostgreSQL server. Says nothing of branches.
struct ServerSpec {
  std::string identity;                    ///< set as cluster_name: tells this server from every other
  std::filesystem::path program;           ///< the `postgres` binary; in a container it is looked up in the image's PATH
  std::filesystem::path data_directory;
  std::filesystem::path socket_directory;  ///< private: 0700
  std::filesystem::path log_file;
  Account account;                         ///< who the server runs as
  int port = 0;
  std::vector<std::pair<std::string, std::string>> settings{};  ///< must not be overridden: on the command line
  /// Called from `start` while the server recovers, with the name of the WAL file that it is at.
  std::function<void(std::string_view)> recovering{};
  std::optional<Container> container{};    ///< nothing: a process of this machine
};

struct ServerStatus {
  bool running = false;  ///< a postmaster of this data directory lives
  bool ready = false;    ///< and has said that it takes connections and writes
  pid_t pid = 0;         ///< the postmaster's, as this machine numbers it
};

/// Starts, stops and looks at PostgreSQL servers. Errors are `Error{postgres}` with the end of the server's log.
class Runtime {
 public:
  virtual ~Runtime() = default;

  /// Starts the server and returns once it is out of recovery and takes connections. It outlives this process
  /// and its terminal. Where it does not come up within `deadline`, it is stopped again.
  virtual void start(const ServerSpec& spec, std::chrono::seconds deadline) = 0;

  /// Ends the sessions and shuts down cleanly; returns when the server is gone. Success where none runs.
  virtual void stop(const ServerSpec& spec, std::chrono::seconds deadline) = 0;

  /// Ends the server at once, without a checkpoint: for one whose data is thrown away. Success where none runs.
  virtual void discard(const ServerSpec& spec, std::chrono::seconds deadline) = 0;

  /// Makes the server read its configuration files again.
  virtual void reload(const ServerSpec& spec) = 0;

  /// Waits until the last process of a killed server has let go of its data directory: a backend goes on with its
  /// query before it notices that the postmaster is gone. `Error{postgres}` after ten seconds.
  virtual void wait_until_quiet(const ServerSpec& spec) const = 0;

  /// Looks at the processes, not at a record.
  virtual ServerStatus status(const ServerSpec& spec) const = 0;
};

}  // namespace bpg::runtime
