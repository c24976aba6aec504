#pragma once

#include "bpg/storage/tree_storage.hpp"

namespace bpg::storage {

/// Each file is cloned by itself (FICLONE) and shares its blocks until one side writes.
class ReflinkStorage : public TreeStorage {
 public:
  explicit ReflinkStorage(Location location);

 protected:
  void copy(const fs::path& source, const fs::path& target, const CopyRules& rules) const override;
  MeasureFile measure_file() const override;
};

}  // namespace bpg::storage
