#pragma once

#include <cstddef>

namespace bpg::wal {

/// XXH3_128bits_update of an XXH3_state_t, in the instructions of processors that have AVX2; for x86-64 alone.
void add_with_avx2(void* state, const void* data, size_t size);

}  // namespace bpg::wal
