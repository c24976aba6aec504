#include "bpg/wal/event.hpp"

#include <gtest/gtest.h>

#include "wal/wal_builder.hpp"

namespace bpg::wal {
namespace {

using test::bytes_of;
using test::WalBuilder;

const Time noon{std::chrono::microseconds(1'790'000'000'123'456)};

std::vector<Event> events_of(WalBuilder& wal) {
  wal.add_switch();
  std::vector<Event> events;
  Reader reader(wal.start(), 1 << 20, [&](const Record& record) {
    if (auto event = read_event(record)) {
      events.push_back(std::move(*event));
    }
  });
  EXPECT_TRUE(reader.feed(bytes_of(wal.bytes())));
  EXPECT_TRUE(!events.empty() && std::holds_alternative<Switch>(events.back()));
  events.pop_back();
  return events;
}

TEST(WalEvent, IsACommitWithItsTimeToTheMicrosecond) {
  WalBuilder wal;
  wal.add_commit(700, noon);
  wal.add_commit(701, noon, {702, 703});
  std::vector<uint32_t> many(1000);
  wal.add_commit(704, noon, many);
  const auto events = events_of(wal);
  ASSERT_EQ(events.size(), 3U);
  const auto& plain = std::get<TransactionEnd>(events[0]);
  EXPECT_TRUE(plain.committed);
  EXPECT_FALSE(plain.prepared);
  EXPECT_EQ(plain.xid, 700U);
  EXPECT_EQ(plain.time, noon);
  EXPECT_EQ(std::get<TransactionEnd>(events[1]).subtransactions, (std::vector<uint32_t>{702, 703}));
  EXPECT_EQ(std::get<TransactionEnd>(events[2]).subtransactions.size(), 1000U) << "needs the long form of the header";
}

TEST(WalEvent, TellsPreparedTransactionsUnderTheirOwnNumber) {
  // Version 18 has larger statistics items before that number.
  for (const uint16_t magic : {uint16_t{0xD106}, uint16_t{0xD110}, uint16_t{0xD118}}) {
    WalBuilder wal({.magic = magic});
    wal.add_prepared_end(true, 800, noon);
    wal.add_prepared_end(false, 810, noon);
    const auto events = events_of(wal);
    ASSERT_EQ(events.size(), 2U);
    const auto& commit = std::get<TransactionEnd>(events[0]);
    EXPECT_TRUE(commit.committed && commit.prepared);
    EXPECT_EQ(commit.xid, 800U);
    EXPECT_EQ(commit.subtransactions, std::vector<uint32_t>{801});
    const auto& abort = std::get<TransactionEnd>(events[1]);
    EXPECT_TRUE(!abort.committed && abort.prepared);
    EXPECT_EQ(abort.xid, 810U);
  }
}

TEST(WalEvent, IsAnAbortOrARestorePoint) {
  WalBuilder wal;
  wal.add_abort(900, noon);
  wal.add_restore_point("before the flood", noon);
  wal.add_restore_point(std::string(64, 'n'), noon);
  const auto events = events_of(wal);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_FALSE(std::get<TransactionEnd>(events[0]).committed);
  EXPECT_EQ(std::get<RestorePoint>(events[1]).name, "before the flood");
  EXPECT_EQ(std::get<RestorePoint>(events[1]).time, noon);
  EXPECT_EQ(std::get<RestorePoint>(events[2]).name.size(), 64U);
}

TEST(WalEvent, IsACheckpointOrANewTimeline) {
  using B = WalBuilder;
  WalBuilder wal;
  const auto with_header = [](const std::string& data) { return "\xFF" + std::string(1, char(data.size())) + data; };
  wal.add(Record::xlog, 0x10, 0, with_header(B::number<uint64_t>(0x1234) + B::number<uint32_t>(3) + std::string(60, '\0')));
  wal.add(Record::xlog, 0x00, 0, with_header(B::number<uint64_t>(0x5678) + B::number<uint32_t>(3)));
  wal.add(Record::xlog, 0x90, 0,
          with_header(B::number<int64_t>(B::timestamp(noon)) + B::number<uint32_t>(4) + B::number<uint32_t>(3)));
  const auto events = events_of(wal);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(std::get<Checkpoint>(events[0]).redo, Lsn{0x1234});
  EXPECT_FALSE(std::get<Checkpoint>(events[0]).shutdown);
  EXPECT_TRUE(std::get<Checkpoint>(events[1]).shutdown);
  EXPECT_EQ(std::get<EndOfRecovery>(events[2]).timeline, 4U);
  EXPECT_EQ(std::get<EndOfRecovery>(events[2]).previous_timeline, 3U);
  EXPECT_EQ(std::get<EndOfRecovery>(events[2]).time, noon);
}

TEST(WalEvent, IsNothingWhereTheRecordIsTooShortForWhatItSays) {
  WalBuilder wal;
  wal.add(Record::xact, 0x00, 1, "");
  wal.add(Record::xact, 0x00, 1, std::string("\xFF\x04", 2) + "abcd");
  wal.add(Record::xact, 0x80, 1, std::string("\xFF\x0C", 2) + std::string(8, 'x') + WalBuilder::number<uint32_t>(2));
  wal.add(Record::xact, 0x80, 1,
          std::string("\xFF\x10", 2) + std::string(8, 'x') + WalBuilder::number<uint32_t>(2) +
              WalBuilder::number<uint32_t>(0xFFFFFFFF));
  wal.add(Record::xact, 0x00, 1, std::string("\xFE\xFF\xFF\xFF\xFF", 5));
  wal.add(Record::xlog, 0x70, 0, std::string("\xFF\x08", 2) + std::string(8, 'x'));
  wal.add(Record::xlog, 0xB0, 0, std::string(20, '\0'));
  wal.add(10, 0x00, 1, std::string(40, 'x'));
  EXPECT_TRUE(events_of(wal).empty());
}

}  // namespace
}  // namespace bpg::wal
