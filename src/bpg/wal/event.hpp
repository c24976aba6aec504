#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bpg/core/lsn.hpp"
#include "bpg/util/clock.hpp"
#include "bpg/wal/reader.hpp"

namespace bpg::wal {

/// The end of a transaction (xl_xact_commit and xl_xact_abort in xact.h). COMMIT PREPARED and ROLLBACK PREPARED are
/// told under the number of the transaction that was prepared.
struct TransactionEnd {
  bool committed = false;
  bool prepared = false;
  uint32_t xid = 0;
  std::vector<uint32_t> subtransactions{};
  Time time{};
};

/// PREPARE TRANSACTION (xl_xact_prepare in xact.h): from here on it is seen in pg_prepared_xacts, and survives the server.
struct TransactionPrepared {
  uint32_t xid = 0;
  Time time{};
};

/// pg_create_restore_point (xl_restore_point in xlog_internal.h).
struct RestorePoint {
  std::string name;
  Time time{};
};

/// What CheckPoint in pg_control.h says first.
struct Checkpoint {
  Lsn redo;
  uint32_t timeline = 0;
  bool shutdown = false;
};

/// A new timeline begins (xl_end_of_recovery in xlog_internal.h).
struct EndOfRecovery {
  Time time{};
  uint32_t timeline = 0;
  uint32_t previous_timeline = 0;
};

/// The rest of the segment is empty (XLOG_SWITCH).
struct Switch {};

using Event = std::variant<TransactionEnd, TransactionPrepared, RestorePoint, Checkpoint, EndOfRecovery, Switch>;

/// What a record says that matters for recovery to a moment; nothing for all others, and for one that is too short for
/// what it says it holds.
std::optional<Event> read_event(const Record& record);

}  // namespace bpg::wal
