#pragma once

#include <string>
#include <vector>

#include "bpg/engine/context.hpp"

namespace bpg::engine {

/// Undoes or finishes what interrupted commands left (promise 1): what is `creating` is undone, what is `deleting`
/// finished, a branch in the middle of a switch started again. What another process is still at work on is left
/// alone. Says what it did, a line each; nothing to do costs four queries.
std::vector<std::string> recover(Context& context);

}  // namespace bpg::engine
