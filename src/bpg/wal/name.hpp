#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bpg/core/lsn.hpp"

namespace bpg::wal {

/// The four kinds of file that PostgreSQL archives (xlog_internal.h: IsXLogFileName, IsTLHistoryFileName,
/// IsBackupHistoryFileName, IsPartialXLogFileName).
enum class FileKind {
  segment,  ///< "000000010000000000000001"
  history,  ///< "00000002.history": where the timeline came from
  backup,   ///< "000000010000000000000002.00000028.backup": the label of a base backup
  partial,  ///< "000000010000000000000003.partial": the last segment of a timeline that was left
};

/// The name of a WAL file.
struct FileName {
  std::string text;
  FileKind kind = FileKind::segment;
  uint32_t timeline = 0;
  uint32_t high = 0;  ///< the middle eight digits; zero for a history file
  uint32_t low = 0;   ///< the last eight digits: they begin again at zero with each 4 GB

  /// Nothing where it is none of the four kinds. Case matters, as it does to PostgreSQL.
  static std::optional<FileName> parse(std::string_view text);
  static FileName segment(uint32_t timeline, uint64_t number, uint64_t segment_size);

  /// The number of the segment since the beginning of the WAL. Nothing where `low` is out of range for this size.
  std::optional<uint64_t> number(uint64_t segment_size) const;

  bool operator==(const FileName& other) const { return text == other.text; }
};

}  // namespace bpg::wal
