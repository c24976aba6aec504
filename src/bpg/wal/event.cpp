#include "bpg/wal/event.hpp"

#include <algorithm>

namespace bpg::wal {

namespace {

using Bytes = std::span<const std::byte>;

// Operations of xlog (pg_control.h).
constexpr uint8_t checkpoint_shutdown = 0x00;
constexpr uint8_t checkpoint_online = 0x10;
constexpr uint8_t switch_segment = 0x40;
constexpr uint8_t restore_point = 0x70;
constexpr uint8_t end_of_recovery = 0x90;

// Operations of xact, and what their records hold (xact.h).
constexpr uint8_t xact_operations = 0x70;
constexpr uint8_t xact_commit = 0x00;
constexpr uint8_t xact_prepare = 0x10;
constexpr uint8_t xact_abort = 0x20;
constexpr uint8_t xact_commit_prepared = 0x30;
constexpr uint8_t xact_abort_prepared = 0x40;
constexpr uint8_t xact_has_info = 0x80;
constexpr uint32_t has_database = 1U << 0;
constexpr uint32_t has_subtransactions = 1U << 1;
constexpr uint32_t has_relations = 1U << 2;
constexpr uint32_t has_invalidations = 1U << 3;
constexpr uint32_t has_two_phase = 1U << 4;
constexpr uint32_t has_dropped_statistics = 1U << 8;

// Block ids that are no blocks (xlogrecord.h).
constexpr uint8_t data_short = 255;
constexpr uint8_t data_long = 254;
constexpr uint8_t origin = 253;
constexpr uint8_t toplevel_xid = 252;

constexpr size_t name_size = 64;  // MAXFNAMELEN

/// Reads fields one after the other; all zero, and not `ok`, from the first on that is not there.
class Fields {
 public:
  explicit Fields(Bytes bytes) : m_bytes(bytes) {}

  template <class Number>
  Number take() {
    const Bytes bytes = take_bytes(sizeof(Number));
    return bytes.empty() ? Number{} : read_number<Number>(bytes, 0);
  }
  Bytes take_bytes(size_t count) {
    if (!m_ok || count > m_bytes.size()) {
      m_ok = false;
      return {};
    }
    const Bytes taken = m_bytes.first(count);
    m_bytes = m_bytes.subspan(count);
    return taken;
  }
  /// A count of things, each `size` bytes, and the things.
  Bytes take_array(size_t size) {
    const auto count = take<uint32_t>();
    return take_bytes(size_t{count} * size);
  }
  bool ok() const { return m_ok; }

 private:
  Bytes m_bytes;
  bool m_ok = true;
};

/// The main data of a record without blocks (DecodeXLogRecord in xlogreader.c).
std::optional<Bytes> main_data(Bytes body) {
  Fields fields(body);
  while (fields.ok()) {
    switch (fields.take<uint8_t>()) {
      case data_short:
        if (const Bytes data = fields.take_bytes(fields.take<uint8_t>()); fields.ok()) {
          return data;
        }
        break;
      case data_long:
        if (const Bytes data = fields.take_bytes(fields.take<uint32_t>()); fields.ok()) {
          return data;
        }
        break;
      case origin:
        fields.take<uint16_t>();
        break;
      case toplevel_xid:
        fields.take<uint32_t>();
        break;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

/// TimestampTz: microseconds since 2000-01-01 UTC (datatype/timestamp.h).
Time to_time(int64_t timestamp) {
  constexpr int64_t epoch = 946'684'800'000'000;
  int64_t sum = 0;
  // A valid checksum does not make a sensible time.
  return __builtin_add_overflow(timestamp, epoch, &sum) ? Time{} : Time{std::chrono::microseconds(sum)};
}

/// Version 18 widened the object id (xl_xact_stats_item).
size_t dropped_statistics_size(const Record& record) { return record.page_magic >= PageHeader::magic_18 ? 16 : 12; }

/// ParseCommitRecord and ParseAbortRecord in xactdesc.c.
std::optional<Event> read_transaction_end(const Record& record, Bytes data) {
  const uint8_t operation = record.info & xact_operations;
  const bool committed = operation == xact_commit || operation == xact_commit_prepared;
  const bool prepared = operation == xact_commit_prepared || operation == xact_abort_prepared;
  if (!committed && !prepared && operation != xact_abort) {
    return std::nullopt;
  }
  TransactionEnd end{.committed = committed, .prepared = prepared, .xid = record.xid};
  Fields fields(data);
  end.time = to_time(fields.take<int64_t>());
  const uint32_t holds = (record.info & xact_has_info) != 0 ? fields.take<uint32_t>() : 0;
  if ((holds & has_database) != 0) {
    fields.take_bytes(8);
  }
  if ((holds & has_subtransactions) != 0) {
    const Bytes xids = fields.take_array(sizeof(uint32_t));
    for (size_t at = 0; at < xids.size(); at += sizeof(uint32_t)) {
      end.subtransactions.push_back(read_number<uint32_t>(xids, at));
    }
  }
  if ((holds & has_relations) != 0) {
    fields.take_array(12);
  }
  if ((holds & has_dropped_statistics) != 0) {
    fields.take_array(dropped_statistics_size(record));
  }
  if ((holds & has_invalidations) != 0) {
    fields.take_array(16);
  }
  if ((holds & has_two_phase) != 0) {
    end.xid = fields.take<uint32_t>();
  }
  return fields.ok() ? std::optional<Event>(std::move(end)) : std::nullopt;
}

std::optional<Event> read_transaction_event(const Record& record, Bytes data) {
  if ((record.info & xact_operations) != xact_prepare) {
    return read_transaction_end(record, data);
  }
  TransactionPrepared prepared;
  Fields fields(data);
  fields.take_bytes(8);  // a magic number and the length
  prepared.xid = fields.take<uint32_t>();
  fields.take_bytes(4);  // the database
  prepared.time = to_time(fields.take<int64_t>());
  return fields.ok() ? std::optional<Event>(prepared) : std::nullopt;
}

std::optional<Event> read_xlog_event(const Record& record, Bytes data) {
  Fields fields(data);
  std::optional<Event> event;
  switch (record.operation()) {
    case checkpoint_shutdown:
    case checkpoint_online: {
      Checkpoint checkpoint;
      checkpoint.shutdown = record.operation() == checkpoint_shutdown;
      checkpoint.redo = Lsn{fields.take<uint64_t>()};
      checkpoint.timeline = fields.take<uint32_t>();
      event = checkpoint;
      break;
    }
    case switch_segment:
      event = Switch{};
      break;
    case restore_point: {
      RestorePoint point;
      point.time = to_time(fields.take<int64_t>());
      const Bytes name = fields.take_bytes(name_size);
      const auto end = std::find(name.begin(), name.end(), std::byte{0});
      std::transform(name.begin(), end, std::back_inserter(point.name), [](std::byte byte) { return char(byte); });
      event = std::move(point);
      break;
    }
    case end_of_recovery: {
      EndOfRecovery end;
      end.time = to_time(fields.take<int64_t>());
      end.timeline = fields.take<uint32_t>();
      end.previous_timeline = fields.take<uint32_t>();
      event = end;
      break;
    }
    default:
      break;
  }
  return fields.ok() ? event : std::nullopt;
}

}  // namespace

std::optional<Event> read_event(const Record& record) {
  if (record.resource_manager == Record::xlog && record.operation() == switch_segment) {
    return Switch{};  // it holds no data at all
  }
  if (record.resource_manager != Record::xlog && record.resource_manager != Record::xact) {
    return std::nullopt;
  }
  const auto data = main_data(record.body);
  if (!data) {
    return std::nullopt;
  }
  return record.resource_manager == Record::xact ? read_transaction_event(record, *data) : read_xlog_event(record, *data);
}

}  // namespace bpg::wal
