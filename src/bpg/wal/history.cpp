#include "bpg/wal/history.hpp"

#include "bpg/util/text.hpp"
#include "bpg/wal/lines.hpp"

namespace bpg::wal {

std::optional<History> History::parse(std::string_view text, uint32_t timeline) {
  History history(timeline);
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#') {
      continue;
    }
    // "1\t0/3000000\tno recovery target specified"
    const auto words = split(content, '\t');
    const auto parent = parse_number<uint32_t>(words[0]);
    const auto end = words.size() >= 2 ? Lsn::parse(words[1]) : std::nullopt;
    if (!parent || !end || *parent >= timeline) {
      return std::nullopt;
    }
    if (!history.m_ancestors.empty() && *parent <= history.m_ancestors.back().timeline) {
      return std::nullopt;
    }
    history.m_ancestors.push_back({*parent, *end});
  }
  // PostgreSQL writes none without a parent.
  return history.m_ancestors.empty() ? std::nullopt : std::optional(std::move(history));
}

uint32_t History::timeline_at(Lsn lsn) const {
  for (const Part& part : m_ancestors) {
    if (lsn < part.end) {
      return part.timeline;
    }
  }
  return m_timeline;
}

uint32_t History::timeline_of_segment(uint64_t number, uint64_t segment_size) const {
  return timeline_at(Lsn{(number + 1) * segment_size - 1});
}

}  // namespace bpg::wal
