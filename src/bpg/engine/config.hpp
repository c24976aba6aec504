#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bpg::engine {

/// Four for each core, but at least 16; less where there are not 256 MB of memory for each, down to 4.
int default_max_running_execs();

/// What a user may set in the configuration file; each field's comment is its key.
struct Config {
  std::string native_user = "postgres";                    ///< native.user: who servers run as when bpg runs as root
  std::vector<std::filesystem::path> bin_dirs{};           ///< native.bin_dirs: where else server binaries are
  int first_port = 15432;                                  ///< ports.range: "15432-17431"
  int last_port = 17431;
  std::chrono::seconds keep_deleted = std::chrono::hours(24);  ///< retention.deleted: how long what was replaced stays
  uint64_t reserve_bytes = uint64_t{256} << 20;            ///< storage.reserve: make nothing new below this free space
  int max_running_execs = default_max_running_execs();     ///< exec.max_running: beyond it 'bpg exec' waits for its turn
  std::chrono::milliseconds lock_wait = std::chrono::seconds(10);  ///< lock.wait: then "busy"
};

/// Reads it strictly: an unknown key or a wrong value throws `Error{usage}` that names file, line and key. The
/// defaults where there is no file.
Config load_config(const std::filesystem::path& file);

}  // namespace bpg::engine
