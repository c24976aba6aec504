#pragma once

#include <functional>
#include <optional>

#include "bpg/engine/find.hpp"
#include "bpg/postgres/online_backup.hpp"
#include "bpg/storage/storage.hpp"

namespace bpg::engine {

/// How a consistent copy of a branch's present state came to be.
struct Frozen {
  Consistency consistency = Consistency::clean;
  std::optional<Lsn> start_lsn{};
  std::optional<Lsn> stop_lsn{};
  /// Set while the source is still on its way out of backup mode; nothing of the copy depends on that.
  std::optional<postgres::OnlineBackup> ending{};

  /// Waits until the source has left backup mode and notes the LSN.
  void finish();
};

struct FreezeOptions {
  bool fast = false;  ///< no backup mode, no checkpoint: atomic storage only
};

/// Makes `copy` of the branch's volume at a moment where it is consistent (ARCHITECTURE §4). `copy` makes the copy
/// by the rules it is given and returns the root of what it made, where the storage is not atomic.
///
/// The caller holds the branch's lock, at least shared, so that its server is not started or stopped meanwhile.
Frozen freeze(const Context& context, const BranchRef& source, const FreezeOptions& options,
              const std::function<std::filesystem::path(const storage::CopyRules&)>& copy);

}  // namespace bpg::engine
