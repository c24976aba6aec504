#include "bpg/engine/archived_wal.hpp"

#include <algorithm>

#include "bpg/engine/server.hpp"
#include "bpg/engine/wal_archive.hpp"
#include "bpg/postgres/control_file.hpp"
#include "bpg/wal/gaps.hpp"
#include "bpg/wal/prune.hpp"

namespace bpg::engine {

ArchivedWal read_archived_wal(const Context& context, const Volume& volume) {
  auto archive = open_wal_archive(context, volume.id);
  auto history = wal::history_of(archive, postgres::read_control_file(data_directory(context, volume.id)).timeline);
  auto index = wal::Index::read(archive);
  const uint64_t kept_from = wal::kept_from(archive);
  return {.archive = std::move(archive), .index = std::move(index), .history = std::move(history), .kept_from = kept_from};
}

std::vector<Base> without_removed(std::vector<Base> bases, uint64_t segment_size, uint64_t kept_from) {
  std::erase_if(bases, [&](const Base& base) { return segment_of(base.bound, segment_size) < kept_from; });
  return bases;
}

std::vector<wal::Range> gaps_after(const std::vector<Base>& bases, const ArchivedWal& wal) {
  if (bases.empty()) {
    return {};
  }
  return wal::gaps_of(wal.index, wal.history, segment_of(bases.front().bound, wal.index.segment_size()));
}

}  // namespace bpg::engine
