#pragma once

#include <string>

#include "bpg/core/lsn.hpp"
#include "bpg/postgres/session.hpp"

namespace bpg::postgres {

/// Backup mode of a running server, from the constructor to `stop`, in one session
/// (https://www.postgresql.org/docs/current/continuous-archiving.html, "Making a Base Backup Using the Low Level
/// API"): for copies that are made file by file. A temporary replication slot keeps the WAL that the copy needs from
/// being recycled. Where this object goes earlier, its session ends and the server leaves backup mode by itself.
class OnlineBackup {
 public:
  struct Stop {
    Lsn stop_lsn;
    std::string backup_label;
    std::string tablespace_map;  ///< empty where there are no tablespaces
  };

  /// Makes a checkpoint at once and begins backup mode.
  explicit OnlineBackup(Session session);

  Lsn start_lsn() const { return m_start_lsn; }

  /// Ends backup mode; the server switches to a new WAL segment, so that the stop record's is complete.
  Stop stop();

 private:
  Session m_session;
  Lsn m_start_lsn;
};

}  // namespace bpg::postgres
