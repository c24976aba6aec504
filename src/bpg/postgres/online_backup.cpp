#include "bpg/postgres/online_backup.hpp"

#include "bpg/util/error.hpp"
#include "bpg/util/random.hpp"

namespace bpg::postgres {

namespace {

/// pg_start_backup and pg_stop_backup were renamed, and lost their exclusive mode, in version 15.
constexpr int renamed_in = 150000;

Lsn parse_lsn(const std::optional<std::string>& text) {
  const auto lsn = text ? Lsn::parse(*text) : std::nullopt;
  if (!lsn) {
    throw Error(ErrorCode::postgres, "the server gave no position in the log");
  }
  return *lsn;
}

}  // namespace

OnlineBackup::OnlineBackup(Session session) : m_session(std::move(session)) {
  const std::string slot = "bpg_" + random_text(12, "abcdefghijklmnopqrstuvwxyz0123456789");
  m_session.query("SELECT pg_create_physical_replication_slot($1, immediately_reserve => true, temporary => true)",
                  {slot});
  m_start_lsn = parse_lsn(m_session.query_value(m_session.server_version() >= renamed_in
                                                    ? "SELECT pg_backup_start('betterpg', fast => true)"
                                                    : "SELECT pg_start_backup('betterpg', true, false)"));
}

OnlineBackup::Stop OnlineBackup::stop() {
  const auto rows = m_session.query(
      m_session.server_version() >= renamed_in
          ? "SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(wait_for_archive => false)"
          : "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)");
  const Row& row = rows.at(0);
  return {parse_lsn(row.at(0)), row.at(1).value_or(""), row.at(2).value_or("")};
}

}  // namespace bpg::postgres
