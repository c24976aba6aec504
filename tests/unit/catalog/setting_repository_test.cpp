#include <gmock/gmock.h>

#include "catalog/catalog_fixture.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using test::error_of;

class SettingRepositoryTest : public test::CatalogTest {
 protected:
  Database app = add_database("app");
  Branch main = add_branch(app.id, "main");
};

TEST_F(SettingRepositoryTest, KeepsOneValueForANameOfEachOwner) {
  catalog.write([&] {
    catalog.settings.set(app.id, {"work_mem", "4MB"});
    catalog.settings.set(app.id, {"jit", "off"});
    catalog.settings.set(app.id, {"work_mem", "8MB"});
    catalog.settings.set(main.id, {"work_mem", "16MB"});
  });
  EXPECT_THAT(catalog.settings.of(app.id), ElementsAre(ServerSetting{"jit", "off"}, ServerSetting{"work_mem", "8MB"}));
  EXPECT_THAT(catalog.settings.of(main.id), ElementsAre(ServerSetting{"work_mem", "16MB"}));
  EXPECT_THAT(catalog.settings.of(add_database("web").id), IsEmpty());
}

TEST_F(SettingRepositoryTest, UnsetsWhatWasSet) {
  catalog.write([&] { catalog.settings.set(main.id, {"jit", "off"}); });
  catalog.write([&] {
    EXPECT_FALSE(catalog.settings.unset(app.id, "jit"));
    EXPECT_TRUE(catalog.settings.unset(main.id, "jit"));
    EXPECT_FALSE(catalog.settings.unset(main.id, "jit"));
  });
  EXPECT_THAT(catalog.settings.of(main.id), IsEmpty());
}

TEST_F(SettingRepositoryTest, RefusesAnOwnerThatIsNotThere) {
  const auto set = [&] { catalog.write([&] { catalog.settings.set(BranchId::make(), {"jit", "off"}); }); };
  EXPECT_EQ(error_of(set).code(), ErrorCode::refused);
}

TEST_F(SettingRepositoryTest, GoesWithItsOwner) {
  const Branch dev = make_branch(app.id, "dev");
  catalog.write([&] {
    catalog.branches.insert(dev);
    catalog.volumes.insert(make_volume(dev));
    catalog.settings.set(dev.id, {"jit", "off"});
  });
  catalog.write([&] {
    catalog.volumes.erase(dev.volume);
    catalog.branches.erase(dev.id);
  });
  EXPECT_THAT(catalog.settings.of(dev.id), IsEmpty());
}

}  // namespace
}  // namespace bpg
