#pragma once

#include <string>
#include <vector>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// Why a retired volume may not be freed although its window has passed, such as "snapshot 'before'"; empty where
/// nothing holds it.
std::string held_by(const Context& context, const Volume& volume);

/// Destroys a retired volume that nothing holds, with the snapshots that nothing else needs. References are checked
/// again in the transaction that begins it (promise 3); once begun it is finished, by the next command if need be.
void purge(Context& context, const VolumeId& volume);

/// Finishes a purge that was begun: the volume is `deleting`. Its lock must be held.
void finish_purge(Context& context, const VolumeId& volume);

}  // namespace bpg::engine
