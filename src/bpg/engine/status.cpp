#include "bpg/engine/status.hpp"

#include <chrono>

#include "bpg/engine/branches.hpp"
#include "bpg/engine/cleanup.hpp"
#include "bpg/engine/databases.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/snapshots.hpp"
#include "bpg/engine/waiting_wal.hpp"

namespace bpg::engine {

namespace {

/// PostgreSQL tries again after a minute at most. Who waits for so long has failed, or comes after one that has.
constexpr std::chrono::minutes in_time{5};

std::vector<LateArchive> late_archives(const Context& context, const std::vector<BranchView>& branches) {
  std::vector<LateArchive> late;
  for (const BranchView& branch : branches) {
    if (branch.archived && branch.status == "running") {
      const WaitingWal waiting = waiting_wal(data_directory(context, branch.volume.id));
      if (waiting.since && context.clock.now() - *waiting.since > in_time) {
        late.push_back({.subject = branch.subject(), .waiting = waiting.files, .since = *waiting.since});
      }
    }
  }
  return late;
}

}  // namespace

Status status(const Context& context, Measure measure) {
  auto branches = list_branches(context, std::nullopt, measure);
  auto late = late_archives(context, branches);
  return {.location = context.storage->location(),
          .space = context.storage->space(),
          .databases = list_databases(context),
          .branches = std::move(branches),
          .retained = list_retained(context, measure),
          .late_archives = std::move(late)};
}

Info info(const Context& context, const Subject& subject) {
  const BranchRef ref = find_branch(context, subject);
  std::vector<BranchRef> children;
  for (const Branch& child : context.catalog.branches.live_children(ref.branch.id)) {
    children.push_back({ref.database, child});
  }
  std::vector<Volume> kept;
  for (Volume& volume : context.catalog.volumes.of_branch(ref.branch.id)) {
    if (volume.state == State::retired) {
      kept.push_back(std::move(volume));
    }
  }
  return {.database = view(context, ref.database),
          .branch = view(context, ref, Measure::yes),
          .children = view_all(context, children, Measure::no),
          .snapshots = list_snapshots(context, subject),
          .kept = view_retained(context, kept, Measure::yes),
          .moves = context.catalog.branches.moves(ref.branch.id),
          .fork_lsn = volume_of(context, ref.branch).fork_lsn,
          .socket_directory = context.home.socket_directory(ref.branch.volume).string(),
          .log_file = context.home.log_file(ref.branch.volume).string()};
}

}  // namespace bpg::engine
