#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpg/core/lsn.hpp"
#include "bpg/util/crc32c.hpp"
#include "bpg/wal/page.hpp"

namespace bpg::wal {

/// One WAL record (XLogRecord in xlogrecord.h; the same from version 9.5 to 18).
struct Record {
  static constexpr size_t header_size = 24;
  static constexpr uint8_t xlog = 0;  ///< RM_XLOG_ID (rmgrlist.h)
  static constexpr uint8_t xact = 1;  ///< RM_XACT_ID

  Lsn start;
  Lsn end;  ///< where the next one may begin: PostgreSQL's "end of record"
  uint32_t length = 0;
  uint32_t xid = 0;
  uint8_t resource_manager = 0;
  uint8_t info = 0;
  uint16_t page_magic = 0;            ///< tells PostgreSQL's version
  std::span<const std::byte> body{};  ///< what follows the header; only of xlog and xact, and only during the call

  /// The operation, without the flags that belong to the WAL itself (XLR_INFO_MASK).
  uint8_t operation() const { return info & 0xF0; }
};

/// A record that has begun and whose end has not been read.
struct OpenRecord {
  Lsn start;
  uint32_t length = 0;
  std::optional<uint8_t> resource_manager{};  ///< unknown where even the header is not complete
};

/// Reads the records of consecutive segments, which are fed to it piece by piece. It begins at the start of any segment:
/// what is left of a record that began before it is skipped. Checks what PostgreSQL's own reader checks (xlogreader.c):
/// page headers, lengths, back links, CRC-32C.
///
/// Needs one page of memory, and the body of one record of xlog or xact. Never throws because of what it is fed.
class Reader {
 public:
  using Handler = std::function<void(const Record&)>;

  /// Why nothing more can be read, and from where on.
  struct Problem {
    Lsn at;
    std::string reason;
  };

  /// `start` is the first byte of a segment; `handler` gets each record, in order.
  Reader(Lsn start, uint64_t segment_size, Handler handler);

  /// The bytes that follow those fed before. False where nothing more can be read: then `problem()` says why.
  bool feed(std::span<const std::byte> bytes);

  const std::optional<Problem>& problem() const { return m_problem; }
  std::optional<OpenRecord> open_record() const;
  /// The end of the last record that was complete; where reading began if there was none.
  Lsn end() const { return m_end; }

 private:
  struct Pending {
    Lsn start;
    uint32_t length = 0;
    uint32_t read = 0;
    uint16_t page_magic = 0;
    std::byte header[Record::header_size]{};
    Crc32c crc{};
  };

  void read_page(std::span<const std::byte> page);
  bool check_header(const PageHeader& header, std::span<const std::byte> page);
  size_t read_continuation(const PageHeader& header, std::span<const std::byte> page);
  size_t begin_record(std::span<const std::byte> page, size_t offset);
  void read_part(std::span<const std::byte> part);
  bool check_record_header();
  void finish_record(Lsn end);
  void stop(Lsn at, std::string reason);

  uint64_t m_segment_size;
  Handler m_handler;
  Lsn m_page_address;                  ///< of the page that is being read, or comes next
  size_t m_page_size = 0;              ///< unknown until the first page header
  std::vector<std::byte> m_page;       ///< what has come of it
  uint16_t m_magic = 0;
  uint32_t m_timeline = 0;
  uint32_t m_skip = 0;                 ///< bytes left of a record that began before `start`
  bool m_first_page = true;
  bool m_skip_to_segment_end = false;  ///< behind a switch
  std::optional<Lsn> m_previous;       ///< start of the last complete record
  std::optional<Pending> m_pending;
  std::vector<std::byte> m_body;       ///< of the pending record
  Lsn m_end;
  std::optional<Problem> m_problem;
};

}  // namespace bpg::wal
