#pragma once

#include <cstdint>
#include <filesystem>

#include "bpg/core/lsn.hpp"

namespace bpg::postgres {

/// What betterpg reads of global/pg_control (struct ControlFileData in PostgreSQL's catalog/pg_control.h; these
/// fields stand at the same place from version 12 to 18).
struct ControlFile {
  uint64_t system_identifier = 0;
  bool shut_down = false;  ///< a clean shutdown was the last thing that happened
  Lsn checkpoint;
  Lsn redo;                ///< where recovery from that checkpoint begins
  uint32_t timeline = 0;
  uint32_t wal_segment_size = 0;
  uint32_t max_prepared_transactions = 0;
};

/// Reads and checks it (CRC-32C); reads again where a running server was writing it. Throws `Error{postgres}`
/// where it is damaged or missing.
ControlFile read_control_file(const std::filesystem::path& data_directory);

/// Copies global/pg_control from a running server's data directory into a copy of it, with a checkpoint location
/// that cannot be: the copy then starts only from its backup_label, never without it (which would corrupt it
/// silently). pgBackRest does the same to a restored cluster.
void copy_control_file_needing_label(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace bpg::postgres
