#pragma once

#include "bpg/storage/tree_storage.hpp"

namespace bpg::storage {

/// Plain copies, sparse where the source is: works on every file system and costs the space.
class CopyStorage : public TreeStorage {
 public:
  explicit CopyStorage(Location location);

 protected:
  void copy(const fs::path& source, const fs::path& target, const CopyRules& rules) const override;
  MeasureFile measure_file() const override;
};

}  // namespace bpg::storage
