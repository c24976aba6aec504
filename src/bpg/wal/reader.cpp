#include "bpg/wal/reader.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace bpg::wal {

namespace {

constexpr size_t alignment = 8;  // MAXALIGN
constexpr uint32_t largest_page = 65536;
constexpr uint8_t operation_switch = 0x40;  // XLOG_SWITCH in pg_control.h

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

Reader::Reader(Lsn start, uint64_t segment_size, Handler handler)
    : m_segment_size(segment_size), m_handler(std::move(handler)), m_page_address(start), m_end(start) {}

bool Reader::feed(std::span<const std::byte> bytes) {
  while (!bytes.empty() && !m_problem) {
    if (m_page_size == 0) {
      // Enough for the header that says how long a page is.
      const size_t taken = std::min(bytes.size(), PageHeader::long_size - m_page.size());
      m_page.insert(m_page.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
      bytes = bytes.subspan(taken);
      if (m_page.size() < PageHeader::long_size) {
        break;
      }
      const auto header = PageHeader::read(m_page);
      if (!header || !header->is_long() || !std::has_single_bit(header->page_size) || header->page_size < 1024 ||
          header->page_size > largest_page) {
        stop(m_page_address, "the segment does not begin with the header of a WAL segment");
        break;
      }
      m_page_size = header->page_size;
      m_page.reserve(m_page_size);
    }
    if (m_page.empty() && bytes.size() >= m_page_size) {
      read_page(bytes.first(m_page_size));
      bytes = bytes.subspan(m_page_size);
      m_page_address.value += m_page_size;
      continue;
    }
    const size_t taken = std::min(bytes.size(), m_page_size - m_page.size());
    m_page.insert(m_page.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
    bytes = bytes.subspan(taken);
    if (m_page.size() == m_page_size) {
      read_page(m_page);
      m_page.clear();
      m_page_address.value += m_page_size;
    }
  }
  return !m_problem;
}

std::optional<OpenRecord> Reader::open_record() const {
  if (!m_pending) {
    return std::nullopt;
  }
  OpenRecord open{.start = m_pending->start, .length = m_pending->length};
  if (m_pending->read >= Record::header_size) {
    open.resource_manager = static_cast<uint8_t>(m_pending->header[17]);
  }
  return open;
}

void Reader::read_page(std::span<const std::byte> page) {
  if (m_page_address.value % m_segment_size == 0) {
    m_skip_to_segment_end = false;
  }
  if (m_skip_to_segment_end) {
    return;  // PostgreSQL zeroes these pages, their headers too
  }
  const auto header = PageHeader::read(page);
  if (!header || !check_header(*header, page)) {
    return;
  }
  size_t offset = read_continuation(*header, page);
  m_first_page = false;
  while (!m_problem && !m_skip_to_segment_end && offset < page.size()) {
    offset = begin_record(page, offset);
  }
}

/// XLogReaderValidatePageHeader.
bool Reader::check_header(const PageHeader& header, std::span<const std::byte> page) {
  const bool begins_segment = m_page_address.value % m_segment_size == 0;
  if (!header.known_magic()) {
    stop(m_page_address, is_zero(page) ? "the WAL ends in zeros" : "a page has no WAL header that betterpg knows");
  } else if (header.address != m_page_address) {
    stop(m_page_address, fmt::format("a page says that it is at {}", header.address.str()));
  } else if (header.is_long() != begins_segment ||
             (begins_segment && (header.segment_size != m_segment_size || header.page_size != m_page_size))) {
    stop(m_page_address, "a page header does not fit the segment");
  } else if (header.timeline < m_timeline) {
    stop(m_page_address, fmt::format("timeline {} follows timeline {}", header.timeline, m_timeline));
  }
  m_timeline = header.timeline;
  m_magic = header.magic;
  return !m_problem;
}

/// Reads what the page holds of a record that began before it; where the next record may begin.
size_t Reader::read_continuation(const PageHeader& header, std::span<const std::byte> page) {
  if (header.overwrites_broken_record()) {
    // A crash left that record incomplete, and PostgreSQL went on here (XLogReadRecord in xlogreader.c).
    m_pending.reset();
    m_skip = 0;
    return header.size();
  }
  if (m_first_page) {
    m_skip = header.continues_record() ? header.remaining : 0;
  }
  const uint32_t expected = m_pending ? m_pending->length - m_pending->read : m_skip;
  if (header.continues_record() != (expected > 0) || header.remaining != expected) {
    stop(m_pending ? m_pending->start : m_page_address, "a record does not go on in the next page");
    return page.size();
  }
  const size_t count = std::min<size_t>(expected, page.size() - header.size());
  if (m_pending) {
    read_part(page.subspan(header.size(), count));
    if (!m_problem && m_pending && m_pending->read == m_pending->length) {
      finish_record(Lsn{round_up(m_page_address.value + header.size() + count, alignment)});
    }
  } else {
    m_skip -= static_cast<uint32_t>(count);
  }
  return round_up(header.size() + count, alignment);
}

/// A record at `offset`; where the next one may begin.
size_t Reader::begin_record(std::span<const std::byte> page, size_t offset) {
  const Lsn start{m_page_address.value + offset};
  // Records are aligned, and so are pages: the length never crosses into the next page.
  const auto length = read_number<uint32_t>(page, offset);
  if (length < Record::header_size) {
    stop(start, length == 0 ? "the WAL ends in zeros" : fmt::format("a record has the impossible length {}", length));
    return page.size();
  }
  m_body.clear();
  m_pending.emplace(Pending{.start = start, .length = length, .page_magic = m_magic});
  const size_t count = std::min<size_t>(length, page.size() - offset);
  read_part(page.subspan(offset, count));
  const size_t end = round_up(offset + count, alignment);
  if (!m_problem && m_pending->read == length) {
    finish_record(Lsn{m_page_address.value + end});
  }
  return end;
}

void Reader::read_part(std::span<const std::byte> part) {
  Pending& record = *m_pending;
  if (record.read < Record::header_size) {
    const size_t count = std::min(part.size(), Record::header_size - record.read);
    std::copy_n(part.begin(), count, record.header + record.read);
    record.read += static_cast<uint32_t>(count);
    part = part.subspan(count);
    if (record.read == Record::header_size && !check_record_header()) {
      return;
    }
  }
  if (part.empty()) {
    return;
  }
  record.read += static_cast<uint32_t>(part.size());
  record.crc.add(part.data(), part.size());
  const auto resource_manager = static_cast<uint8_t>(record.header[17]);
  if (resource_manager == Record::xlog || resource_manager == Record::xact) {
    m_body.insert(m_body.end(), part.begin(), part.end());
  }
}

/// ValidXLogRecordHeader: the back link tells the record from one that stood here before the file was recycled.
bool Reader::check_record_header() {
  const Lsn previous{read_number<uint64_t>(m_pending->header, 8)};
  const bool fits = m_previous ? previous == *m_previous : previous < m_pending->start;
  if (!fits) {
    stop(m_pending->start, "a record does not follow the one before it");
  }
  return fits;
}

void Reader::finish_record(Lsn end) {
  Pending& pending = *m_pending;
  pending.crc.add(pending.header, 20);
  if (pending.crc.value() != read_number<uint32_t>(pending.header, 20)) {
    stop(pending.start, "a record has a wrong checksum");
    return;
  }
  Record record{.start = pending.start,
                .end = end,
                .length = pending.length,
                .xid = read_number<uint32_t>(pending.header, 4),
                .resource_manager = static_cast<uint8_t>(pending.header[17]),
                .info = static_cast<uint8_t>(pending.header[16]),
                .page_magic = pending.page_magic,
                .body = m_body};
  if (record.resource_manager == Record::xlog && record.operation() == operation_switch) {
    record.end = Lsn{round_up(end.value, m_segment_size)};
    m_skip_to_segment_end = true;
  }
  m_previous = record.start;
  m_end = record.end;
  m_handler(record);
  m_pending.reset();
}

void Reader::stop(Lsn at, std::string reason) {
  m_problem = Problem{at, std::move(reason)};
  m_pending.reset();
}

}  // namespace bpg::wal
