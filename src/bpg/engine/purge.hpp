#pragma once

#include <string>
#include <vector>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// Why a retired volume may not be freed although its window has passed, such as "snapshot 'before'"; empty where
/// nothing holds it.
std::string held_by(const Context& context, const Volume& volume);

/// The user's snapshot of the volume that still needs it, as `held_by` names it; empty where there is none.
std::string held_by_snapshot(const Context& context, const VolumeId& volume);

/// Destroys a retired volume that nothing holds, with the snapshots that nothing else needs.
void purge(Context& context, const VolumeId& volume);

/// Marks a retired volume as `deleting`, with the snapshots that go with it. References are checked here, in the
/// caller's transaction (promise 3): `Error{refused}` where something holds it. Once begun, the purge is finished by
/// `finish_purge`, if need be by the next command.
void begin_purge(Context& context, const VolumeId& volume);

/// Finishes a purge that was begun. The volume's lock must be held.
void finish_purge(Context& context, const VolumeId& volume);

}  // namespace bpg::engine
