#include "bpg/wal/search.hpp"

#include <algorithm>
#include <functional>

namespace bpg::wal {

namespace {

/// The first event from `space.from` on that `wanted` takes, in segments that `may_hold` does not rule out.
template <class What>
class Search {
 public:
  Search(const SearchSpace& space, std::function<bool(const Head&)> may_hold, std::function<bool(const What&)> wanted)
      : m_space(space), m_may_hold(std::move(may_hold)), m_wanted(std::move(wanted)) {}

  std::optional<Placed<What>> run() {
    for (uint64_t number = segment_of(m_space.from, size());; ++number) {
      const Entry* entry = segment(number);
      if (!entry) {
        return std::nullopt;
      }
      const auto& summary = entry->head.summary;
      const bool straddles = summary && summary->straddler;
      if (!summary || straddles || m_may_hold(entry->head)) {
        read(number, entry->head, straddles);
      }
      if (m_found || !summary || summary->broken_at) {
        return std::move(m_found);
      }
    }
  }

 private:
  uint64_t size() const { return m_space.index.segment_size(); }

  const Entry* segment(uint64_t number) const {
    return m_space.index.find_segment(m_space.history.timeline_of_segment(number, size()), number);
  }

  /// The records that begin in the segment. For the last of them the next segment may be needed, too.
  void read(uint64_t number, const Head& head, bool straddles) {
    const Lsn end{(number + 1) * size()};
    Reader reader(Lsn{number * size()}, size(), [&](const Record& record) {
      if (!m_found && record.start >= m_space.from && record.start < end) {
        look_at(record);
      }
    });
    const Sink feed = [&](std::span<const std::byte> bytes) {
      if (!m_found) {
        reader.feed(bytes);
      }
    };
    m_space.archive.read(head, feed);
    if (const Entry* next = straddles && !m_found ? segment(number + 1) : nullptr) {
      m_space.archive.read(next->head, feed);
    }
  }

  void look_at(const Record& record) {
    auto event = read_event(record);
    auto* what = event ? std::get_if<What>(&*event) : nullptr;
    if (what && m_wanted(*what)) {
      m_found = Placed<What>{record.start, record.end, std::move(*what)};
    }
  }

  const SearchSpace& m_space;
  std::function<bool(const Head&)> m_may_hold;
  std::function<bool(const What&)> m_wanted;
  std::optional<Placed<What>> m_found;
};

}  // namespace

std::optional<Placed<TransactionEnd>> find_commit_after(const SearchSpace& space, Time time) {
  const auto may_hold = [&](const Head& head) {
    const auto& times = head.summary->commit_times;
    return times && times->latest > time;
  };
  const auto wanted = [&](const TransactionEnd& end) { return end.committed && end.time > time; };
  return Search<TransactionEnd>(space, may_hold, wanted).run();
}

std::optional<Lsn> find_change_after(const SearchSpace& space, Time time) {
  const uint64_t size = space.index.segment_size();
  const auto commit = find_commit_after(space, time);
  uint64_t first = segment_of(space.from, size);
  const uint64_t last = commit ? segment_of(commit->start, size) : UINT64_MAX;
  for (uint64_t number = first; number <= last; ++number) {
    const Entry* entry = space.index.find_segment(space.history.timeline_of_segment(number, size), number);
    if (!entry) {
      break;
    }
    const auto& summary = entry->head.summary;
    // One that took its time just before may stand behind what is looked for.
    if (summary && summary->commit_times && summary->commit_times->earliest <= time - std::chrono::seconds(1)) {
      first = number;
    }
  }
  const SearchSpace late{space.archive, space.index, space.history, std::max(space.from, Lsn{first * size})};
  const auto may_hold = [&](const Head& head) { return head.name.number(size) <= last; };
  std::optional<Lsn> change = commit ? std::optional(commit->start) : std::nullopt;
  const auto choose = [&change](const auto& found) {
    if (found && (!change || found->start < *change)) {
      change = found->start;
    }
  };
  choose(Search<TransactionPrepared>(late, may_hold, [&](const auto& prepared) { return prepared.time > time; }).run());
  choose(Search<TransactionEnd>(late, may_hold, [&](const auto& end) { return !end.committed && end.prepared && end.time > time; }).run());
  return change;
}

std::optional<Placed<TransactionEnd>> find_earlier_commit(const SearchSpace& space, Time time, Time than) {
  const Time latest = std::min(time, than - longest_commit);
  const auto may_hold = [&](const Head& head) {
    const auto& times = head.summary->commit_times;
    return times && times->earliest <= latest;
  };
  return Search<TransactionEnd>(space, may_hold, [&](const TransactionEnd& end) { return end.committed && end.time <= latest; }).run();
}

std::optional<Placed<TransactionEnd>> find_transaction(const SearchSpace& space, uint32_t xid) {
  const auto may_hold = [&](const Head& head) { return head.summary->may_hold(xid); };
  const auto wanted = [&](const TransactionEnd& end) {
    return end.xid == xid || std::find(end.subtransactions.begin(), end.subtransactions.end(), xid) != end.subtransactions.end();
  };
  return Search<TransactionEnd>(space, may_hold, wanted).run();
}

std::optional<Placed<RestorePoint>> find_restore_point(const SearchSpace& space, std::string_view name) {
  const auto has_name = [&](const auto& point) { return point.name == name; };
  const auto may_hold = [&](const Head& head) {
    const auto& points = head.summary->restore_points;
    return !head.restore_points_complete || std::any_of(points.begin(), points.end(), has_name);
  };
  return Search<RestorePoint>(space, may_hold, has_name).run();
}

std::optional<Extent> find_last_record(const SearchSpace& space, Lsn before) {
  const uint64_t size = space.index.segment_size();
  const auto segment = [&](uint64_t number) {
    return space.index.find_segment(space.history.timeline_of_segment(number, size), number);
  };
  const uint64_t first = segment_of(space.from, size);
  for (uint64_t number = before > space.from ? last_segment_before(before, size) : first;; --number) {
    std::optional<Extent> last;
    Reader reader(Lsn{number * size}, size, [&](const Record& record) {
      if (record.start >= space.from && record.start < before && record.start.value < (number + 1) * size) {
        last = Extent{record.start, record.end};
      }
    });
    const Sink feed = [&](std::span<const std::byte> bytes) { reader.feed(bytes); };
    const auto goes_on = [&] { return reader.open_record() && reader.open_record()->start < before; };
    // A record may be longer than a segment.
    for (uint64_t next = number; const Entry* entry = segment(next); ++next) {
      space.archive.read(entry->head, feed);
      if (reader.problem() || !goes_on()) {
        break;
      }
    }
    if (last || number <= first) {
      return last;
    }
  }
}

}  // namespace bpg::wal
