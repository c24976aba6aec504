// Compiled with -mavx2: an inline function from here could become that of the whole program, so this includes nothing that
// has one which is not static.
#include "bpg/wal/hash_avx2.hpp"

#if defined(__AVX2__)

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace bpg::wal {

void add_with_avx2(void* state, const void* data, size_t size) {
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state), data, size);
}

}  // namespace bpg::wal

#endif
