#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "bpg/wal/store.hpp"

namespace bpg::wal {

struct PushRequest {
  fs::path archive;
  fs::path source;                ///< %p: the file that PostgreSQL wants archived
  fs::path data_directory = ".";  ///< the server's: archive_command runs there
  std::string volume{};           ///< whose archive it must be; empty: anybody's
  StoreOptions store{};
  unsigned jobs = 2;              ///< how many segments are stored at a time
  /// After this, look-ahead begins no further segment: PostgreSQL waits for the command when it shuts down.
  std::chrono::milliseconds look_ahead_for = std::chrono::seconds(2);
};

struct PushResult {
  StoreResult result = StoreResult::stored;
  size_t ahead = 0;  ///< segments that were stored on top
};

/// archive_command. Returns when the file is durable in the archive, and throws otherwise.
///
/// Where it has to store a segment, it also stores those that wait behind it (archive_status/*.ready): the calls for
/// these then only have to look. What goes wrong with them is a warning now, and is told when their turn comes.
PushResult push(const PushRequest& request);

}  // namespace bpg::wal
