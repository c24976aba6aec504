#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "bpg/wal/archive.hpp"

namespace bpg::wal {

/// Segments that were uncompressed before recovery asked for them. Each is kept under its name and the hash of its
/// bytes, so that one from another archive is never taken for it; it is hashed again before it is used, since nothing
/// here is synced.
class Spool {
 public:
  /// What is known of the calls before: a server that reads one segment after the other gets more and more ahead.
  struct Progress {
    std::string expected;  ///< the segment that a sequential reader asks for when the spool is used up
    unsigned ahead = 0;    ///< how many were fetched last time
  };

  explicit Spool(fs::path directory) : m_directory(std::move(directory)) {}

  /// Moves a segment to `destination`; false where it is not here, or not what `head` says.
  bool take(const Head& head, const fs::path& destination) const;

  /// Uncompresses it into the spool. Throws where it cannot.
  void put(const Archive& archive, const Head& head) const;

  std::optional<Progress> progress() const;
  void set_progress(const Progress& progress) const;

  /// Everything goes: recovery has ended, or jumps. Nothing is said where it cannot be removed.
  void remove() const;

 private:
  fs::path path_of(const Head& head) const;
  fs::path m_directory;
};

}  // namespace bpg::wal
