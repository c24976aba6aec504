#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace bpg::wal {

/// XXH3, 128 bits, of bytes that pass by. It tells apart what differs by accident, at the speed of memory; it is no
/// defence against forgery, and needs to be none: who can write to an archive can also write the hash in it.
class Hash {
 public:
  Hash();
  ~Hash();
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  void add(std::span<const std::byte> bytes);
  /// 32 hexadecimal digits, as `xxhsum -H128` prints them.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> m_state;
};

}  // namespace bpg::wal
