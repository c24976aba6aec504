#pragma once

#include <functional>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// A volume in the making: its row stands before anything that bears its id exists (promise 1), and until `done`
/// whatever ends the operation undoes it. Where bpg itself is killed, the next command undoes it (`recover`).
class Making {
 public:
  /// Stores, in one transaction, the rows that `rows` writes: the volume, `creating`, and what comes with it.
  Making(Context& context, const VolumeId& volume, const std::function<void()>& rows);
  ~Making();
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;

  /// Stores, in one transaction, the rows that `rows` writes: from then on the volume is there.
  void done(const std::function<void()>& rows);

  /// Undoes it now. Where that fails, this throws, and the next command tries again.
  void undo();

 private:
  Context& m_context;
  VolumeId m_volume;
  std::optional<FileLock> m_lock;
  bool m_done = false;
};

/// Removes a volume that is `creating`, with everything that was made or stored for it: server, files, origin
/// snapshot, and the branch or database that was to come with it. The volume's lock must be held.
void undo_creation(Context& context, const VolumeId& volume);

/// Throws `Error{no_space}` where less than `storage.reserve` is free.
void require_space(const Context& context);

}  // namespace bpg::engine
