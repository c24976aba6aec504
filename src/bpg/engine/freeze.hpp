#pragma once

#include <functional>
#include <optional>

#include "bpg/engine/find.hpp"
#include "bpg/storage/storage.hpp"

namespace bpg::engine {

/// How a consistent copy of a branch's present state came to be.
struct Frozen {
  Consistency consistency = Consistency::clean;
  std::optional<Lsn> start_lsn{};  ///< replay of a clone begins here
  /// It is consistent from here on, at the latest, and holds nothing behind. Unknown of a server that had been killed.
  std::optional<Lsn> stop_lsn{};
};

/// Makes the copy by the rules it is given; returns the root of what it made, where the storage is not atomic.
using Copy = std::function<std::filesystem::path(const storage::CopyRules&)>;

struct FreezeOptions {
  bool fast = false;  ///< no checkpoint: atomic storage only
};

/// Makes `copy` of the branch's volume at a moment where it is consistent.
///
/// An atomic snapshot needs no backup mode (https://www.postgresql.org/docs/current/backup-file.html, "consistent
/// snapshot"): a checkpoint before it shortens the recovery of its clones. Backup mode would add two WAL switches,
/// 32 MB of the source's space and 100 ms to each branch. A copy made file by file has no other way.
///
/// After the copy of a running server one record is written into its WAL: recovery from this copy to the present then has a
/// record to stop at, however idle the server is.
///
/// The caller holds the branch's lock, at least shared, so that its server is not started or stopped meanwhile.
Frozen freeze(const Context& context, const BranchRef& source, const FreezeOptions& options,
              const Copy& copy);

/// The same into a snapshot of the branch's volume, whose row stands, and which is then ready: the caller stores it.
void freeze_into(const Context& context, const BranchRef& source, const FreezeOptions& options, Snapshot& snapshot);

}  // namespace bpg::engine
