#include "bpg/wal/gaps.hpp"

#include <algorithm>

namespace bpg::wal {

std::optional<uint64_t> newest_segment(const Index& index, uint32_t timeline) {
  std::optional<uint64_t> newest;
  for (const Range& range : index.ranges()) {
    if (range.timeline <= timeline) {
      newest = std::max(newest.value_or(0), range.last);
    }
  }
  return newest;
}

std::vector<Range> gaps_of(const Index& index, const History& history, uint64_t first) {
  std::vector<Range> gaps;
  const uint64_t size = index.segment_size();
  const uint64_t newest = newest_segment(index, history.timeline()).value_or(0);
  for (uint64_t number = first; number <= newest; ++number) {
    const uint32_t timeline = history.timeline_of_segment(number, size);
    if (index.find_segment(timeline, number)) {
      continue;
    }
    if (!gaps.empty() && gaps.back().timeline == timeline && gaps.back().last + 1 == number) {
      ++gaps.back().last;
    } else {
      gaps.push_back({timeline, number, number});
    }
  }
  return gaps;
}

}  // namespace bpg::wal
