#include "bpg/storage/reflink/reflink_storage.hpp"

#include "bpg/storage/extents.hpp"
#include "bpg/storage/reflink/reflink.hpp"

namespace bpg::storage {

ReflinkStorage::ReflinkStorage(Location location)
    : TreeStorage(std::move(location), Traits{.shares_space = true}) {}

void ReflinkStorage::copy(const fs::path& source, const fs::path& target, const CopyRules& rules) const {
  reflink_tree(source, target, rules);
}

MeasureFile ReflinkStorage::measure_file() const { return extent_usage; }

}  // namespace bpg::storage
