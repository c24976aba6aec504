#include "bpg/storage/copy/copy_storage.hpp"

#include "bpg/storage/copy/copy_data.hpp"

namespace bpg::storage {

CopyStorage::CopyStorage(Location location) : TreeStorage(std::move(location), Traits{}) {}

void CopyStorage::copy(const fs::path& source, const fs::path& target, const CopyRules& rules) const {
  copy_tree(source, target, rules, copy_data);
}

MeasureFile CopyStorage::measure_file() const { return allocated_usage; }

}  // namespace bpg::storage
