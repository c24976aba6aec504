#pragma once

#include <string>

#include "bpg/core/lsn.hpp"
#include "bpg/postgres/session.hpp"

namespace bpg::postgres {

/// Backup mode of a running server, from the constructor to `finish_stop`, in one session
/// (https://www.postgresql.org/docs/current/continuous-archiving.html, "Making a Base Backup Using the Low Level
/// API"). Where this object goes earlier, its session ends and the server leaves backup mode by itself.
class OnlineBackup {
 public:
  struct Options {
    /// Keep the WAL that the copy needs from being recycled, by a temporary replication slot: for copies that are
    /// made file by file.
    bool keep_wal = false;
  };
  struct Stop {
    Lsn stop_lsn;
    std::string backup_label;
    std::string tablespace_map;  ///< empty where there are no tablespaces
  };

  /// Makes a checkpoint at once and begins backup mode.
  OnlineBackup(Session session, Options options);

  Lsn start_lsn() const { return m_start_lsn; }

  /// Asks the server to end backup mode, which makes it switch to a new WAL segment, without waiting for it.
  void begin_stop();
  Stop finish_stop();

 private:
  Session m_session;
  Lsn m_start_lsn;
};

}  // namespace bpg::postgres
