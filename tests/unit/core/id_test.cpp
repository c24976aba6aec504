#include "bpg/core/id.hpp"

#include <gtest/gtest.h>

#include <set>
#include <unordered_set>

namespace bpg {
namespace {

TEST(Id, TellsItsKindAndReadsItsOwnText) {
  EXPECT_TRUE(DatabaseId::make().str().starts_with("db_"));
  EXPECT_TRUE(BranchId::make().str().starts_with("br_"));
  EXPECT_TRUE(SnapshotId::make().str().starts_with("snap_"));
  const VolumeId id = VolumeId::make();
  EXPECT_EQ(id.str().size(), std::string("vol_4k0qz8w1tb").size());
  EXPECT_EQ(VolumeId::parse(id.str()), id);
}

TEST(Id, IsNewEachTime) {
  std::unordered_set<VolumeId> seen;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_TRUE(seen.insert(VolumeId::make()).second);
  }
}

TEST(Id, IsSafeAsAFileName) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(VolumeId::make().str().find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos);
  }
}

TEST(Id, RefusesWhatIsNotOneOfItsKind) {
  for (const char* text : {"", "vol_", "vol_4k0qz8w1t", "vol_4k0qz8w1tbx", "br_4k0qz8w1tb", "VOL_4k0qz8w1tb",
                           "vol_4K0qz8w1tb", "vol_4i0qz8w1tb", "vol_4u0qz8w1tb", "vol_../../etc", "vol_4k0qz8 1tb",
                           "4k0qz8w1tb"}) {
    EXPECT_EQ(VolumeId::parse(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace bpg
