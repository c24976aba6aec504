#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "bpg/core/lsn.hpp"
#include "bpg/util/clock.hpp"
#include "bpg/util/crc32c.hpp"
#include "bpg/wal/page.hpp"
#include "bpg/wal/reader.hpp"

namespace bpg::test {

/// Writes WAL as PostgreSQL lays it out: pages with headers, records that are aligned and cross pages and segments.
class WalBuilder {
 public:
  struct Options {
    uint64_t segment_size = 1 << 20;
    uint64_t first_segment = 1;
    uint32_t timeline = 1;
    uint16_t magic = 0xD110;
    uint64_t system_identifier = 42;
  };

  explicit WalBuilder(const Options& options) : m_options(options), m_start(options.first_segment * options.segment_size) {}
  WalBuilder() : WalBuilder(Options{}) {}

  Lsn position() const { return Lsn{m_start + m_bytes.size()}; }
  Lsn start() const { return Lsn{m_start}; }
  std::string& bytes() { return m_bytes; }
  void set_timeline(uint32_t timeline) { m_options.timeline = timeline; }

  /// A record with this body behind its header; where it begins.
  Lsn add(uint8_t resource_manager, uint8_t info, uint32_t xid, const std::string& body) {
    m_bytes.resize((m_bytes.size() + 7) / 8 * 8, '\0');
    begin_page_if_due(0);
    const Lsn start = position();
    std::string record(24, '\0');
    put(record, 0, static_cast<uint32_t>(24 + body.size()));
    put(record, 4, xid);
    put(record, 8, m_previous.value);
    record[16] = static_cast<char>(info);
    record[17] = static_cast<char>(resource_manager);
    record += body;
    Crc32c crc;
    crc.add(record.data() + 24, body.size());
    crc.add(record.data(), 20);
    put(record, 20, crc.value());
    for (size_t at = 0; at < record.size();) {
      begin_page_if_due(static_cast<uint32_t>(at == 0 ? 0 : record.size() - at));
      const size_t room = page - m_bytes.size() % page;
      const size_t count = std::min(room, record.size() - at);
      m_bytes.append(record, at, count);
      at += count;
    }
    m_previous = start;
    return start;
  }

  /// Of a resource manager that is none of ours.
  Lsn add_other(size_t body_size) { return add(10, 0, 7, std::string(body_size, 'x')); }

  Lsn add_commit(uint32_t xid, Time time, const std::vector<uint32_t>& subtransactions = {}) {
    std::string data = number<int64_t>(timestamp(time));
    if (subtransactions.empty()) {
      return add(1, 0x00, xid, with_header(data));
    }
    data += number<uint32_t>(1U << 1) + number<uint32_t>(static_cast<uint32_t>(subtransactions.size()));
    for (const uint32_t sub : subtransactions) {
      data += number<uint32_t>(sub);
    }
    return add(1, 0x80, xid, with_header(data));
  }

  /// COMMIT PREPARED or ROLLBACK PREPARED, with one of everything that can stand before the number of the transaction.
  Lsn add_prepared_end(bool commit, uint32_t xid, Time time) {
    std::string data = number<int64_t>(timestamp(time));
    data += number<uint32_t>(1U | 2U | 4U | (commit ? 8U : 0U) | 16U | 128U | 256U);
    data += std::string(8, 'd') + number<uint32_t>(1) + number<uint32_t>(xid + 1) + number<uint32_t>(2) + std::string(24, 'r');
    data += number<uint32_t>(1) + std::string(m_options.magic >= 0xD118 ? 16 : 12, 's');
    data += commit ? number<uint32_t>(3) + std::string(48, 'i') : "";
    data += number<uint32_t>(xid) + std::string("gid\0", 4);
    return add(1, static_cast<uint8_t>((commit ? 0x30 : 0x40) | 0x80), 0, with_header(data));
  }

  /// PREPARE TRANSACTION, up to the field that follows its time.
  Lsn add_prepare(uint32_t xid, Time time) {
    const std::string data = number<uint32_t>(0x57F94534) + number<uint32_t>(28) + number<uint32_t>(xid) + number<uint32_t>(5) +
                             number<int64_t>(timestamp(time)) + number<uint32_t>(10);
    return add(1, 0x10, xid, with_header(data));
  }

  Lsn add_abort(uint32_t xid, Time time) { return add(1, 0x20, xid, with_header(number<int64_t>(timestamp(time)))); }

  Lsn add_restore_point(const std::string& name, Time time) {
    std::string padded = name;
    padded.resize(64, '\0');
    return add(0, 0x70, 0, with_header(number<int64_t>(timestamp(time)) + padded));
  }

  /// XLOG_SWITCH: the rest of the segment is zero.
  Lsn add_switch() {
    const Lsn start = add(0, 0x40, 0, "");
    fill_segment();
    return start;
  }

  /// Zeros to the end of the segment: what a file looks like that was cut off.
  void fill_segment() {
    m_bytes.resize((m_bytes.size() + m_options.segment_size - 1) / m_options.segment_size * m_options.segment_size, '\0');
  }

  /// Records of other resource managers up to less than `room` bytes before the end of the segment; none crosses it.
  void fill_up_to(size_t room) {
    const auto left = [&] { return m_options.segment_size - m_bytes.size() % m_options.segment_size; };
    while (left() > room + 2000) {
      add_other(1000);
    }
    while (left() > room + 32) {
      add_other(8);
    }
  }

  std::string segment(size_t index) const { return m_bytes.substr(index * m_options.segment_size, m_options.segment_size); }
  size_t segments() const { return m_bytes.size() / m_options.segment_size; }

  template <class Number>
  static std::string number(Number value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  }

  static int64_t timestamp(Time time) { return time.time_since_epoch().count() - 946'684'800'000'000; }

 private:
  static constexpr size_t page = 8192;

  static std::string with_header(const std::string& data) {
    if (data.size() < 256) {
      return std::string("\xFF", 1) + static_cast<char>(data.size()) + data;
    }
    return std::string("\xFE", 1) + number<uint32_t>(static_cast<uint32_t>(data.size())) + data;
  }

  template <class Number>
  static void put(std::string& bytes, size_t at, Number value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }

  void begin_page_if_due(uint32_t remaining) {
    if (m_bytes.size() % page != 0) {
      return;
    }
    const bool is_long = m_bytes.size() % m_options.segment_size == 0;
    std::string header(is_long ? 40 : 24, '\0');
    put<uint16_t>(header, 0, m_options.magic);
    put<uint16_t>(header, 2, static_cast<uint16_t>((remaining > 0 ? 1 : 0) | (is_long ? 2 : 0)));
    put<uint32_t>(header, 4, m_options.timeline);
    put<uint64_t>(header, 8, position().value);
    put<uint32_t>(header, 16, remaining);
    if (is_long) {
      put<uint64_t>(header, 24, m_options.system_identifier);
      put<uint32_t>(header, 32, static_cast<uint32_t>(m_options.segment_size));
      put<uint32_t>(header, 36, page);
    }
    m_bytes += header;
  }

  Options m_options;
  uint64_t m_start;
  std::string m_bytes;
  Lsn m_previous;
};

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace bpg::test
