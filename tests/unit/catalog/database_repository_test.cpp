#include <gmock/gmock.h>

#include "catalog/catalog_fixture.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using test::error_of;

class DatabaseRepositoryTest : public test::CatalogTest {};

TEST_F(DatabaseRepositoryTest, FindsWhatWasInserted) {
  Database database = make_database("app");
  database.pg_major = 17;
  database.pg_database = "app_old";
  database.created_at = Time(std::chrono::microseconds(1'791'383'400'123'456));
  catalog.write([&] { catalog.databases.insert(database); });

  for (const auto& found : {catalog.databases.find(database.id), catalog.databases.find_live("app")}) {
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, database.id);
    EXPECT_EQ(found->name, "app");
    EXPECT_EQ(found->pg_major, 17);
    EXPECT_EQ(found->pg_database, "app_old");
    EXPECT_EQ(found->created_at, database.created_at);
    EXPECT_EQ(found->deleted_at, std::nullopt);
  }
  EXPECT_FALSE(catalog.databases.find(DatabaseId::make()));
  EXPECT_FALSE(catalog.databases.find_live("ap"));
}

TEST_F(DatabaseRepositoryTest, KeepsTheImageOfItsContainers) {
  Database database = make_database("app");
  EXPECT_EQ(database.image, std::nullopt);
  database.image = Image{.reference = "postgres:17", .id = "sha256:abc", .uid = 4'000'000'000, .gid = 70};
  catalog.write([&] { catalog.databases.insert(database); });
  EXPECT_EQ(catalog.databases.find(database.id)->image, database.image);

  database.image->id = "sha256:def";
  catalog.write([&] { catalog.databases.update(database); });
  EXPECT_EQ(catalog.databases.find_live("app")->image, database.image);
  EXPECT_EQ(catalog.databases.find(add_database("web").id)->image, std::nullopt);
}

TEST_F(DatabaseRepositoryTest, UpdatesOneRow) {
  Database app = add_database("app");
  add_database("web");
  app.name = "shop";
  app.deleted_at = at(5);
  catalog.write([&] { catalog.databases.update(app); });
  EXPECT_EQ(catalog.databases.find(app.id)->name, "shop");
  EXPECT_EQ(catalog.databases.find(app.id)->deleted_at, at(5));
  EXPECT_TRUE(catalog.databases.find_live("web"));
}

TEST_F(DatabaseRepositoryTest, UpdateOfAnUnknownOneIsAnError) {
  EXPECT_EQ(error_of([&] { catalog.databases.update(make_database("app")); }).code(), ErrorCode::failure);
}

TEST_F(DatabaseRepositoryTest, ALiveNameIsUnique) {
  Database app = add_database("app");
  const Error error = error_of([&] { add_database("app"); });
  EXPECT_EQ(error.code(), ErrorCode::already_exists);
  EXPECT_EQ(error.message(), "another database has this name");

  app.deleted_at = at(1);
  catalog.write([&] { catalog.databases.update(app); });
  add_database("app");
  app.deleted_at.reset();
  EXPECT_EQ(error_of([&] { catalog.databases.update(app); }).code(), ErrorCode::already_exists) << "undeleted";
}

TEST_F(DatabaseRepositoryTest, ListsTheLiveOnesByName) {
  const Database web = add_database("web");
  const Database app = add_database("app");
  Database old = add_database("old");
  old.deleted_at = at(1);
  catalog.write([&] { catalog.databases.update(old); });
  EXPECT_THAT(ids(catalog.databases.list_live()), ElementsAre(app.id, web.id));
}

TEST_F(DatabaseRepositoryTest, FindsTheLastDeletedOneThatIsStillKept) {
  const auto deleted_at = [&](int seconds, State kept) {
    Database database = add_database("app");
    const Branch branch = add_branch(database.id, "main");
    Volume volume = *catalog.volumes.find(branch.volume);
    volume.state = kept;
    database.deleted_at = at(seconds);
    catalog.write([&] {
      catalog.volumes.update(volume);
      catalog.databases.update(database);
    });
    return database.id;
  };
  EXPECT_FALSE(catalog.databases.find_deleted("app"));
  deleted_at(1, State::retired);
  const DatabaseId second = deleted_at(3, State::retired);
  deleted_at(2, State::retired);
  deleted_at(4, State::deleted);
  add_database("app");
  ASSERT_TRUE(catalog.databases.find_deleted("app"));
  EXPECT_EQ(catalog.databases.find_deleted("app")->id, second);
}

TEST_F(DatabaseRepositoryTest, IsErasedOnlyWhereNothingRefersToIt) {
  const Database empty = add_database("empty");
  const Database app = add_database("app");
  add_branch(app.id, "main");
  catalog.write([&] { catalog.databases.erase(empty.id); });
  EXPECT_FALSE(catalog.databases.find(empty.id));
  EXPECT_THROW(catalog.write([&] { catalog.databases.erase(app.id); }), Error);
  EXPECT_TRUE(catalog.databases.find(app.id));
}

}  // namespace
}  // namespace bpg
