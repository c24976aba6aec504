#pragma once

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// Marks a volume as one that no name points at any more, kept for the retention window. In a transaction.
/// `by` is "reset", "undo" or "delete".
void retire_volume(Context& context, const VolumeId& volume, const std::string& by);

/// Makes a retired volume one that a branch points at again. In a transaction. Throws `Error{not_found}` where it
/// has been freed.
void unretire_volume(Context& context, const VolumeId& volume);

/// The kept volume that `undo` of this branch goes to: the one named `to`, else the one before the last move.
/// Throws `Error{not_found}` where there is none, or it has been freed.
Volume find_undo_target(const Context& context, const BranchRef& branch, const std::string& to);

}  // namespace bpg::engine
