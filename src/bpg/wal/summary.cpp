#include "bpg/wal/summary.hpp"

#include <algorithm>

namespace bpg::wal {

namespace {

/// TransactionIdPrecedes: numbers are reused, so "older" means less than half the circle away.
bool precedes(uint32_t one, uint32_t other) { return static_cast<int32_t>(one - other) < 0; }

void include(std::optional<Summary::Xids>& xids, uint32_t xid) {
  if (!xids) {
    xids = Summary::Xids{xid, xid};
  } else if (precedes(xid, xids->oldest)) {
    xids->oldest = xid;
  } else if (precedes(xids->newest, xid)) {
    xids->newest = xid;
  }
}

void include(std::optional<Summary::Times>& times, Time time) {
  if (!times) {
    times = Summary::Times{time, time};
  }
  times->earliest = std::min(times->earliest, time);
  times->latest = std::max(times->latest, time);
}

}  // namespace

bool Summary::may_hold(uint32_t xid) const {
  return xids && !precedes(xid, xids->oldest) && !precedes(xids->newest, xid);
}

Summarizer::Summarizer(Lsn start, uint64_t segment_size)
    : m_reader(start, segment_size, [this](const Record& record) { add(record); }) {}

void Summarizer::add(const Record& record) {
  if (!m_summary.first_record) {
    m_summary.first_record = record.start;
  }
  m_summary.last_record = record.start;
  const auto event = read_event(record);
  if (!event) {
    return;
  }
  if (const auto* transaction = std::get_if<TransactionEnd>(&*event)) {
    ++(transaction->committed ? m_summary.commits : m_summary.aborts);
    if (transaction->committed) {
      include(m_summary.commit_times, transaction->time);
    }
    // A commit without a number has changed nothing that recovery could reach.
    if (transaction->xid != 0) {
      include(m_summary.xids, transaction->xid);
    }
    for (const uint32_t xid : transaction->subtransactions) {
      include(m_summary.xids, xid);
    }
  } else if (const auto* point = std::get_if<RestorePoint>(&*event)) {
    m_summary.restore_points.push_back({record.start, record.end, point->time, point->name});
  } else if (std::holds_alternative<Switch>(*event)) {
    m_summary.switched = true;
  }
}

Summary Summarizer::finish() {
  m_summary.end = m_reader.end();
  if (const auto open = m_reader.open_record()) {
    m_summary.last_record = open->start;
    if (!m_summary.first_record) {
      m_summary.first_record = open->start;
    }
    if (!open->resource_manager || *open->resource_manager == Record::xact || *open->resource_manager == Record::xlog) {
      m_summary.straddler = open->start;
    }
  }
  if (const auto& problem = m_reader.problem()) {
    m_summary.broken_at = problem->at;
  }
  return m_summary;
}

}  // namespace bpg::wal
