#include "bpg/engine/lock.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::engine {

FileLock lock_branch(const Context& context, const Branch& branch, FileLock::Mode mode) {
  auto lock = FileLock::acquire(context.home.lock_file(branch.id.str()), mode, context.config.lock_wait);
  if (!lock) {
    throw Error(ErrorCode::busy, fmt::format("another command is at work on branch '{}'", branch.name),
                "Try again when it has ended. lock.wait in the configuration says how long bpg waits.");
  }
  return std::move(*lock);
}

std::optional<FileLock> try_lock_volume(const Context& context, const VolumeId& volume) {
  return FileLock::acquire(context.home.lock_file(volume.str()), FileLock::Mode::exclusive, std::chrono::milliseconds(0));
}

FileLock lock_volume(const Context& context, const VolumeId& volume) {
  auto lock = try_lock_volume(context, volume);
  if (!lock) {
    throw Error(ErrorCode::busy, fmt::format("another command is at work on volume {}", volume.str()), "Try again when it has ended.");
  }
  return std::move(*lock);
}

void forget_lock(const Context& context, const std::string& id) { remove_tree(context.home.lock_file(id)); }

}  // namespace bpg::engine
