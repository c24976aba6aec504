#include "bpg/engine/status.hpp"

#include "bpg/engine/branches.hpp"
#include "bpg/engine/cleanup.hpp"
#include "bpg/engine/databases.hpp"
#include "bpg/engine/snapshots.hpp"

namespace bpg::engine {

Status status(const Context& context, Measure measure) {
  return {.location = context.storage->location(),
          .space = context.storage->space(),
          .databases = list_databases(context),
          .branches = list_branches(context, std::nullopt, measure),
          .retained = list_retained(context, measure)};
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
