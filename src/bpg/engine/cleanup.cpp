#include "bpg/engine/cleanup.hpp"

#include "bpg/engine/purge.hpp"

namespace bpg::engine {

std::vector<RetainedView> list_retained(const Context& context, Measure measure) {
  return view_retained(context, context.catalog.volumes.list(State::retired), measure);
}

std::vector<CleanUpEntry> clean_up(Context& context, const CleanUp& request) {
  const Time now = context.clock.now();
  std::vector<CleanUpEntry> entries;
  for (RetainedView& retained : list_retained(context, Measure::yes)) {
    const bool due = request.now || !retained.keep_until || *retained.keep_until <= now;
    const bool free = due && retained.held_by.empty();
    CleanUpEntry entry{std::move(retained), free};
    if (entry.freed && !request.dry_run) {
      purge(context, entry.volume.volume);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace bpg::engine
