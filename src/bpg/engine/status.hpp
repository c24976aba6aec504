#pragma once

#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

struct Status {
  storage::Location location;
  storage::Space space;
  std::vector<DatabaseView> databases;
  std::vector<BranchView> branches;   ///< of all databases, parents before children
  std::vector<RetainedView> retained;
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
