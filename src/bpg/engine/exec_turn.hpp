#pragma once

#include "bpg/engine/context.hpp"

namespace bpg::engine {

/// Waits until fewer than `exec.max_running` hold a turn, in the order of coming; the turn lasts as long as the lock,
/// which a killed process loses. Throws `Error{interrupted}`.
FileLock wait_for_turn(const Context& context);

}  // namespace bpg::engine
