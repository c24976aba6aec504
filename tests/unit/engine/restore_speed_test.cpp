#include "bpg/engine/restore_speed.hpp"

#include <gtest/gtest.h>

#include "catalog/catalog_fixture.hpp"

namespace bpg::engine {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t megabyte = 1'000'000;
const RestoreSpeed unknown;

TEST(RestoreSpeed, IsAssumedUntilItWasMeasured) {
  EXPECT_GT(unknown.estimate(0), 0s);
  EXPECT_EQ(unknown.estimate(1'400 * megabyte) - unknown.estimate(0), 10s);
}

TEST(RestoreSpeed, IsThatOfTheFirstRestore) {
  const MeasuredRestore restore{.wal_bytes = 800 * megabyte, .replay = 4s, .total = 4700ms};
  const RestoreSpeed speed = unknown.after(restore);
  EXPECT_EQ(speed.estimate(0), 700ms);
  EXPECT_NEAR(static_cast<double>(speed.estimate(800 * megabyte).count()), 4.7e6, 1e3);
  EXPECT_NEAR(static_cast<double>(speed.estimate(1'600 * megabyte).count()), 8.7e6, 1e3);
}

TEST(RestoreSpeed, MovesHalfWayToEachFurtherRestore) {
  const RestoreSpeed speed = unknown.after({.wal_bytes = 800 * megabyte, .replay = 4s, .total = 5s})
                                 .after({.wal_bytes = 400 * megabyte, .replay = 4s, .total = 7s});
  EXPECT_EQ(speed.estimate(0), 2s);
  EXPECT_NEAR(static_cast<double>(speed.estimate(400 * megabyte).count()), (3e6 + 7e6) / 2, 1e3) << "it was 3 s, and took 7 s";
}

TEST(RestoreSpeed, TakesNoRateFromTheStartOfAServer) {
  const RestoreSpeed first = unknown.after({.wal_bytes = 800 * megabyte, .replay = 4s, .total = 5s});
  const RestoreSpeed second = first.after({.wal_bytes = 1 * megabyte, .replay = 1s, .total = 3005ms});
  EXPECT_EQ(second.bytes_per_second, first.bytes_per_second);
  EXPECT_EQ(second.estimate(0), 2s);
  for (const auto replay : {1ms, 1000ms}) {
    EXPECT_EQ(unknown.after({.wal_bytes = 14 * megabyte, .replay = replay, .total = 2s}).estimate(14 * megabyte), 2s);
  }
}

TEST(RestoreSpeed, OfARestoreThatReplayedNothingIsTheRest) {
  const RestoreSpeed speed = unknown.after({.total = 300ms});
  EXPECT_EQ(speed.estimate(0), 300ms);
  EXPECT_FALSE(speed.bytes_per_second);
}

class StoredRestoreSpeed : public test::CatalogTest {};

TEST_F(StoredRestoreSpeed, StaysInTheCatalog) {
  EXPECT_EQ(restore_speed(catalog), unknown);
  const RestoreSpeed speed = unknown.after({.wal_bytes = 800 * megabyte, .replay = 4s, .total = 5s});
  catalog.write([&] { set_restore_speed(catalog, speed); });
  EXPECT_EQ(restore_speed(catalog).fixed, speed.fixed);
  EXPECT_NEAR(restore_speed(catalog).bytes_per_second.value(), 200e6, 1);
}

}  // namespace
}  // namespace bpg::engine
