#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

/// A branch whose server runs and does not get its WAL archived in time.
struct LateArchive {
  std::string subject;
  uint64_t waiting = 0;  ///< files
  Time since{};          ///< that the oldest of them waits
};

struct Status {
  storage::Location location;
  storage::Space space;
  std::vector<DatabaseView> databases;
  std::vector<BranchView> branches;   ///< of all databases, parents before children
  std::vector<RetainedView> retained;
  std::vector<LateArchive> late_archives;
};

/// Everything at a glance, asked of storage and processes now.
Status status(const Context& context, Measure measure);

struct Info {
  DatabaseView database;
  BranchView branch;
  std::vector<BranchView> children;
  std::vector<SnapshotView> snapshots;
  std::vector<RetainedView> kept;     ///< volumes that `undo --to` can go back to
  std::vector<Move> moves;            ///< oldest first
  std::optional<Lsn> fork_lsn;
  std::string socket_directory;
  std::string log_file;
};

/// Everything about one branch.
Info info(const Context& context, const Subject& subject);

}  // namespace bpg::engine
