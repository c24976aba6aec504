#pragma once

#include <string>
#include <vector>

#include "bpg/wal/archive.hpp"

namespace bpg::wal {

/// Something that is wrong with a stored file.
struct Finding {
  FileName name;
  std::string problem;
};

struct VerifyOptions {
  bool deep = false;  ///< uncompress everything, compare hashes, and read each record again
  unsigned jobs = 2;
};

/// Looks at all files of an archive; nothing in the answer means that nothing is wrong. Gaps are not its matter.
std::vector<Finding> verify(const Archive& archive, const VerifyOptions& options);

/// The same of these files; one that is not there counts as right.
std::vector<Finding> verify(const Archive& archive, const std::vector<FileName>& names, const VerifyOptions& options);

}  // namespace bpg::wal
