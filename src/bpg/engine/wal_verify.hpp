#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

struct VerifyWal {
  std::optional<Subject> subject{};  ///< nothing: all volumes that have an archive, also those that are kept
  bool deep = false;                 ///< uncompress everything, compare hashes, and read each record again
};

struct WalFinding {
  std::string file;  ///< the name of the WAL file; empty where it is the archive itself
  std::string problem;
};

struct VerifiedWal {
  std::string subject;
  VolumeId volume;
  uint64_t files = 0;  ///< that were looked at
  std::vector<WalFinding> findings{};
};

/// What is wrong with archives: damaged files, and what is missing between the oldest base and the newest segment. Takes no lock:
/// servers go on meanwhile. Throws `Error{refused}` where the subject has no archive.
std::vector<VerifiedWal> verify_wal(const Context& context, const VerifyWal& request);

}  // namespace bpg::engine
