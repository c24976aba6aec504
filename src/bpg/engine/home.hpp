#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "bpg/core/id.hpp"

namespace bpg::engine {

/// Where betterpg keeps its own files: `BPG_HOME`, else /etc and /var/lib/betterpg for root, else the XDG
/// directories of the user.
struct Home {
  std::filesystem::path data;
  std::filesystem::path config_file;

  std::filesystem::path catalog() const { return data / "catalog.db"; }
  std::filesystem::path key_file() const;  ///< `BPG_KEY_FILE`, else secret.key
  std::filesystem::path locks() const { return data / "locks"; }
  std::filesystem::path lock_file(const std::string& id) const { return locks() / (id + ".lock"); }
  std::filesystem::path sockets() const { return data / "run"; }
  std::filesystem::path socket_directory(const VolumeId& volume) const { return sockets() / volume.str(); }
  std::filesystem::path logs() const { return data / "logs"; }
  std::filesystem::path wal_archives() const { return data / "wal-archive"; }
  std::filesystem::path wal_archive(const VolumeId& volume) const { return wal_archives() / volume.str(); }
  std::filesystem::path programs() const { return data / "libexec"; }
  std::filesystem::path log_file(const VolumeId& volume) const { return logs() / (volume.str() + ".log"); }

  /// `config` is what --config names. Throws `Error{usage}` where the path is too long for a Unix socket below it
  /// (unix(7): 107 bytes).
  static Home find(const std::optional<std::filesystem::path>& config);
};

}  // namespace bpg::engine
