#pragma once

#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

struct CleanUp {
  bool now = false;      ///< also what its retention window still covers
  bool dry_run = false;
};

struct CleanUpEntry {
  RetainedView volume;
  bool freed = false;    ///< or, with `dry_run`, would be
};

/// Frees the volumes that reset, undo and delete left and whose window has passed. Nothing that anything needs.
std::vector<CleanUpEntry> clean_up(Context& context, const CleanUp& request);

/// All volumes that are kept only for the retention window.
std::vector<RetainedView> list_retained(const Context& context, Measure measure);

}  // namespace bpg::engine
