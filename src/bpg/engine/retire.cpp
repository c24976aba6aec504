#include "bpg/engine/retire.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/error.hpp"

namespace bpg::engine {

void retire_volume(Context& context, const VolumeId& id, const std::string& by) {
  auto volume = context.catalog.volumes.find(id).value();
  volume.state = State::retired;
  volume.retired_at = context.clock.now();
  volume.keep_until = *volume.retired_at + context.config.keep_deleted;
  volume.retired_by = by;
  context.catalog.volumes.update(volume);
}

void unretire_volume(Context& context, const VolumeId& id) {
  auto volume = context.catalog.volumes.find(id).value();
  if (volume.state != State::retired) {
    throw Error(ErrorCode::not_found, fmt::format("volume {} is not kept any more", id.str()));
  }
  volume.state = State::ready;
  volume.retired_at.reset();
  volume.keep_until.reset();
  volume.retired_by.clear();
  context.catalog.volumes.update(volume);
}

Volume find_undo_target(const Context& context, const BranchRef& branch, const std::string& to) {
  const auto moves = context.catalog.branches.moves(branch.branch.id);
  if (to.empty() && moves.empty()) {
    throw Error(ErrorCode::not_found, fmt::format("{} has never been reset: there is nothing to undo", branch.subject()),
                "'bpg branch reset' is what can be undone.");
  }
  std::vector<std::string> kept;
  for (const Volume& volume : context.catalog.volumes.of_branch(branch.branch.id)) {
    if (volume.state == State::retired) {
      if (volume.id.str() == to || (to.empty() && volume.id == moves.back().from)) {
        return volume;
      }
      kept.push_back(volume.id.str());
    }
  }
  const std::string wanted = to.empty() ? moves.back().from.str() : to;
  throw Error(ErrorCode::not_found, fmt::format("volume {} of {} is not kept", wanted, branch.subject()),
              kept.empty() ? fmt::format("'bpg info {}' shows what is kept.", branch.subject())
                           : fmt::format("Kept are: {}.", fmt::join(kept, ", ")));
}

}  // namespace bpg::engine
