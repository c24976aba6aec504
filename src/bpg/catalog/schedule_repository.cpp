#include "bpg/catalog/catalog.hpp"
#include "bpg/catalog/columns.hpp"

namespace bpg::catalog {

namespace {

constexpr std::string_view select = "SELECT s.branch, hourly, daily, weekly, monthly FROM snapshot_schedule s";

SnapshotSchedule read(Statement& row) {
  return {.branch = row.next<BranchId>(),
          .keep = {.hourly = row.next<int>(),
                   .daily = row.next<int>(),
                   .weekly = row.next<int>(),
                   .monthly = row.next<int>()}};
}

}  // namespace

void ScheduleRepository::set(const SnapshotSchedule& schedule) {
  m_connection.run("INSERT INTO snapshot_schedule (branch, hourly, daily, weekly, monthly) VALUES (?1, ?2, ?3, ?4, ?5)"
                   " ON CONFLICT (branch) DO UPDATE SET hourly = ?2, daily = ?3, weekly = ?4, monthly = ?5",
                   schedule.branch, schedule.keep.hourly, schedule.keep.daily, schedule.keep.weekly,
                   schedule.keep.monthly);
}

bool ScheduleRepository::erase(const BranchId& branch) {
  return m_connection.run("DELETE FROM snapshot_schedule WHERE branch = ?1", branch) > 0;
}

std::optional<SnapshotSchedule> ScheduleRepository::find(const BranchId& branch) const {
  return first(m_connection.prepare(fmt::format("{} WHERE s.branch = ?1", select), branch), read);
}

std::vector<SnapshotSchedule> ScheduleRepository::list() const {
  return all(m_connection.prepare(
                 fmt::format("{} JOIN branch ON branch.id = s.branch ORDER BY branch.created_at, branch.rowid", select)),
             read);
}

}  // namespace bpg::catalog
