#include "bpg/wal/hash.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bpg/wal/hash_avx2.hpp"

namespace bpg::wal {

namespace {

/// A state is the same whatever instructions made it.
void add_to(XXH3_state_t& state, std::span<const std::byte> bytes) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") > 0;
  if (has_avx2) {
    add_with_avx2(&state, bytes.data(), bytes.size());
    return;
  }
#endif
  XXH3_128bits_update(&state, bytes.data(), bytes.size());
}

}  // namespace

struct Hash::State {
  XXH3_state_t xxh3;
};

Hash::Hash() : m_state(std::make_unique<State>()) { XXH3_128bits_reset(&m_state->xxh3); }

Hash::~Hash() = default;

void Hash::add(std::span<const std::byte> bytes) { add_to(m_state->xxh3, bytes); }

std::string Hash::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&m_state->xxh3);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace bpg::wal
