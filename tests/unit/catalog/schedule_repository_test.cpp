#include <gmock/gmock.h>

#include "catalog/catalog_fixture.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using testing::IsEmpty;
using test::error_of;

class ScheduleRepositoryTest : public test::CatalogTest {
 protected:
  void set(const BranchId& branch, const Retention& keep) {
    catalog.write([&] { catalog.schedules.set({branch, keep}); });
  }

  std::vector<BranchId> scheduled() {
    std::vector<BranchId> branches;
    for (const SnapshotSchedule& schedule : catalog.schedules.list()) {
      branches.push_back(schedule.branch);
    }
    return branches;
  }

  Database app = add_database("app");
  Branch main = add_branch(app.id, "main");
};

TEST_F(ScheduleRepositoryTest, KeepsTheLastOfABranch) {
  EXPECT_FALSE(catalog.schedules.find(main.id));
  set(main.id, {.daily = 7});
  set(main.id, {24, 8, 4, 6});
  const auto found = catalog.schedules.find(main.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->branch, main.id);
  EXPECT_EQ(found->keep, (Retention{24, 8, 4, 6}));
  EXPECT_FALSE(catalog.schedules.find(add_branch(app.id, "dev").id));
}

TEST_F(ScheduleRepositoryTest, ListsBranchesAsTheyWereMade) {
  const Branch dev = add_branch(app.id, "dev");
  set(dev.id, {.hourly = 1});
  set(main.id, {.daily = 1});
  EXPECT_THAT(scheduled(), testing::ElementsAre(main.id, dev.id));
}

TEST_F(ScheduleRepositoryTest, ErasesOne) {
  set(main.id, {.daily = 1});
  catalog.write([&] {
    EXPECT_TRUE(catalog.schedules.erase(main.id));
    EXPECT_FALSE(catalog.schedules.erase(main.id));
  });
  EXPECT_THAT(scheduled(), IsEmpty());
}

TEST_F(ScheduleRepositoryTest, RefusesOneThatKeepsNothing) {
  EXPECT_THROW(set(main.id, {}), Error);
  EXPECT_THROW(set(main.id, {.hourly = 2, .daily = -1}), Error);
  EXPECT_THAT(scheduled(), IsEmpty());
}

TEST_F(ScheduleRepositoryTest, RefusesABranchThatIsNotThere) {
  EXPECT_EQ(error_of([&] { set(BranchId::make(), {.daily = 1}); }).code(), ErrorCode::refused);
}

TEST_F(ScheduleRepositoryTest, GoesWithItsBranch) {
  const Branch dev = add_branch(app.id, "dev");
  set(dev.id, {.daily = 1});
  catalog.write([&] {
    catalog.volumes.erase(dev.volume);
    catalog.branches.erase(dev.id);
  });
  EXPECT_THAT(scheduled(), IsEmpty());
}

}  // namespace
}  // namespace bpg
