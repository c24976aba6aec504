#pragma once

#include "bpg/engine/context.hpp"

namespace bpg::engine {

/// Keeps others from a branch: `exclusive` to change it (start, stop, reset, delete, rename), `shared` to read from
/// it (branch, snapshot). Waits `lock.wait`, then throws `Error{busy}`. A killed process leaves no lock.
FileLock lock_branch(const Context& context, const Branch& branch, FileLock::Mode mode);

/// Says that somebody is at work on a volume that is `creating` or `deleting`. Nothing where another process is.
std::optional<FileLock> try_lock_volume(const Context& context, const VolumeId& volume);

/// The same, or `Error{busy}`.
FileLock lock_volume(const Context& context, const VolumeId& volume);

/// Removes the lock file of an id that will not be used again.
void forget_lock(const Context& context, const std::string& id);

}  // namespace bpg::engine
