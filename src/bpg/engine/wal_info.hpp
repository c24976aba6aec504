#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/branch_history.hpp"
#include "bpg/wal/index.hpp"

namespace bpg::engine {

/// Segments that are missing, of one timeline.
struct WalGap {
  std::string first;  ///< the name of the first
  std::string last;
  uint64_t segments = 0;
};

/// The last time that a server's archive_command failed.
struct ArchiveFailure {
  std::string file;
  Time at{};
  bool current = false;  ///< nothing has been archived since
};

/// The archive of a volume.
struct WalView {
  std::string subject;
  VolumeId volume;
  std::string state;  ///< "present" or "kept"
  bool archived = false;
  std::string problem{};  ///< why it cannot be told what the archive holds; empty where it can
  uint64_t segments = 0;
  uint64_t segment_bytes = 0;  ///< how large each is; 0 where it cannot be told
  uint64_t bytes = 0;         ///< as PostgreSQL has them, all files together
  uint64_t stored_bytes = 0;  ///< as they take space
  std::vector<std::string> codecs{};
  std::optional<std::string> first_segment{};
  std::optional<std::string> last_segment{};
  std::optional<RestorableRange> range{};
  std::vector<WalGap> gaps{};
  uint64_t damaged = 0;  ///< files whose head cannot be read
  uint64_t waiting = 0;  ///< files that PostgreSQL has not handed over yet
  std::optional<Time> last_archived_at{};      ///< both as the server says, where it runs
  std::optional<ArchiveFailure> last_failure{};
};

/// A branch's present volume, then those that are kept, newest first; what is not archived is told, too. Without a subject: the
/// present volumes of all branches that are archived.
std::vector<WalView> wal_info(const Context& context, const std::optional<Subject>& subject);

std::vector<WalGap> to_gaps(const std::vector<wal::Range>& ranges, uint64_t segment_size);

}  // namespace bpg::engine
