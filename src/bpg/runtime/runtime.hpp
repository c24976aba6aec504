#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpg/util/process.hpp"

namespace bpg::runtime {

/// Everything a driver must know to run one PostgreSQL server. Says nothing of branches.
struct ServerSpec {
  std::string identity;                    ///< set as cluster_name: tells this server from every other
  std::filesystem::path program;           ///< the `postgres` binary
  std::filesystem::path data_directory;
  std::filesystem::path socket_directory;  ///< private: 0700
  std::filesystem::path log_file;
  Account account;                         ///< who the server runs as
  int port = 0;
  std::vector<std::pair<std::string, std::string>> settings;  ///< must not be overridden: on the command line
  /// Called from `start` while the server recovers, with the name of the WAL file that it is at.
  std::function<void(std::string_view)> recovering{};
};

struct ServerStatus {
  bool running = false;  ///< a postmaster of this data directory lives
  bool ready = false;    ///< and has said that it takes connections and writes
  pid_t pid = 0;
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
  virtual ServerStatus status(const std::filesystem::path& data_directory) const = 0;
};

}  // namespace bpg::runtime
