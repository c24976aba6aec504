#include "bpg/wal/hash.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace bpg::wal {

struct Hash::State {
  XXH3_state_t xxh3;
};

Hash::Hash() : m_state(std::make_unique<State>()) { XXH3_128bits_reset(&m_state->xxh3); }

Hash::~Hash() = default;

void Hash::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(&m_state->xxh3, bytes.data(), bytes.size());
}

std::string Hash::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&m_state->xxh3);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace bpg::wal
