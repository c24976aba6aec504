#pragma once

#include <cstddef>
#include <functional>

namespace bpg::wal {

/// Calls `work(0)` to `work(count - 1)` from at most `jobs` threads, in that order as far as they begin. `work` must not
/// throw.
void for_each_of(size_t count, unsigned jobs, const std::function<void(size_t)>& work);

}  // namespace bpg::wal
