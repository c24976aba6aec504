#pragma once

#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

struct CleanUp {
  bool expired = false;  ///< delete the branches that have expired
  bool deleted = false;  ///< free the volumes that reset, undo and delete left
  bool now = false;      ///< also what its retention window still covers, or would
  bool dry_run = false;
};

/// What was looked at. With `dry_run`, `deleted` and `freed` tell what would be.
struct CleanUpEntry {
  enum class Kind { expired_branch, retained_volume };

  Kind kind = Kind::retained_volume;
  RetainedView volume;                ///< of an expired branch: its present one
  std::optional<Time> expires_at{};   ///< of an expired branch
  bool deleted = false;               ///< the branch
  bool freed = false;                 ///< the volume
  std::string why{};                  ///< it is safe, or it is left alone
};

/// Expired branches first, children before their parents; one that other branches come from, or that is in use, is left
/// alone. Then retained volumes whose window has passed and that nothing needs.
std::vector<CleanUpEntry> clean_up(Context& context, const CleanUp& request);

/// All volumes that are kept only for the retention window.
std::vector<RetainedView> list_retained(const Context& context, Measure measure);

}  // namespace bpg::engine
