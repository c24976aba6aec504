#include <gmock/gmock.h>

#include "catalog/catalog_fixture.hpp"
#include "common/throws.hpp"

namespace bpg {
namespace {

using testing::ElementsAre;
using test::error_of;

class BranchRepositoryTest : public test::CatalogTest {
 protected:
  void set_state(Branch branch, State state, int seconds = 0) {
    branch.state = state;
    branch.deleted_at = at(seconds);
    catalog.write([&] { catalog.branches.update(branch); });
  }

  Database app = add_database("app");
  Branch main = add_branch(app.id, "main");
};

TEST_F(BranchRepositoryTest, FindsWhatWasInserted) {
  Branch dev = make_branch(app.id, "dev");
  dev.state = State::creating;
  dev.parent = main.id;
  dev.sealed_password = std::string("sealed\0text", 11);
  dev.wants_running = false;
  dev.profile = "ci";
  dev.expires_at = at(7);
  dev.is_protected = true;
  dev.ephemeral = true;
  dev.deleted_at = at(9);
  add(dev);
  for (const auto& found : {catalog.branches.find(dev.id), catalog.branches.find_live(app.id, "dev")}) {
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, dev.id);
    EXPECT_EQ(found->database, app.id);
    EXPECT_EQ(found->name, "dev");
    EXPECT_EQ(found->state, State::creating);
    EXPECT_EQ(found->parent, main.id);
    EXPECT_EQ(found->volume, dev.volume);
    EXPECT_EQ(found->port, dev.port);
    EXPECT_EQ(found->sealed_password, dev.sealed_password);
    EXPECT_FALSE(found->wants_running);
    EXPECT_EQ(found->profile, "ci");
    EXPECT_EQ(found->expires_at, at(7));
    EXPECT_TRUE(found->is_protected);
    EXPECT_TRUE(found->ephemeral);
    EXPECT_EQ(found->created_at, dev.created_at);
    EXPECT_EQ(found->deleted_at, at(9));
  }
  EXPECT_EQ(catalog.branches.find(main.id)->parent, std::nullopt);
  EXPECT_EQ(catalog.branches.find(main.id)->expires_at, std::nullopt);
  EXPECT_FALSE(catalog.branches.find_live(add_database("web").id, "dev"));
  EXPECT_FALSE(catalog.branches.find(BranchId::make()));
}

TEST_F(BranchRepositoryTest, UpdatesOneRow) {
  Branch dev = add_branch(app.id, "dev");
  dev.name = "qa";
  dev.port = 17000;
  dev.wants_running = false;
  catalog.write([&] { catalog.branches.update(dev); });
  EXPECT_FALSE(catalog.branches.find_live(app.id, "dev"));
  EXPECT_EQ(catalog.branches.find_live(app.id, "qa")->port, 17000);
  EXPECT_TRUE(catalog.branches.find_live(app.id, "main"));
  EXPECT_EQ(error_of([&] { catalog.branches.update(make_branch(app.id, "x")); }).code(), ErrorCode::failure);
}

TEST_F(BranchRepositoryTest, ALiveNameIsUniqueInItsDatabase) {
  for (const State state : {State::creating, State::ready, State::deleting}) {
    set_state(main, state);
    const Error error = error_of([&] { add_branch(app.id, "main"); });
    EXPECT_EQ(error.code(), ErrorCode::already_exists);
    EXPECT_EQ(error.message(), "another branch has this name");
  }
  for (const State state : {State::retired, State::deleted}) {
    set_state(main, state);
    set_state(add_branch(app.id, "main"), State::deleted);
  }
  EXPECT_NO_THROW(add_branch(add_database("web").id, "main"));
}

TEST_F(BranchRepositoryTest, ALivePortIsUniqueOverAllDatabases) {
  Branch other = make_branch(add_database("web").id, "main");
  other.port = main.port;
  const Error error = error_of([&] { add(other); });
  EXPECT_EQ(error.code(), ErrorCode::already_exists);
  EXPECT_EQ(error.message(), "another branch has this port");
  set_state(main, State::retired);
  EXPECT_NO_THROW(add(other));
  EXPECT_THROW(set_state(main, State::ready), Error) << "undeleted onto a port that was given away";
}

TEST_F(BranchRepositoryTest, TellsThePortsInUse) {
  const Branch dev = add_branch(app.id, "dev");
  EXPECT_THAT(catalog.branches.live_ports(), ElementsAre(main.port, dev.port));
  set_state(main, State::retired);
  EXPECT_THAT(catalog.branches.live_ports(), ElementsAre(dev.port));
}

TEST_F(BranchRepositoryTest, ListsByCreation) {
  const Branch dev = add_branch(app.id, "dev");
  const Branch qa = add_branch(app.id, "qa");
  const Branch web = add_branch(add_database("web").id, "main");
  set_state(main, State::retired);
  EXPECT_THAT(ids(catalog.branches.list_live()), ElementsAre(dev.id, qa.id, web.id));
  EXPECT_THAT(ids(catalog.branches.list(app.id)), ElementsAre(main.id, dev.id, qa.id));
  set_state(qa, State::deleted);
  EXPECT_THAT(ids(catalog.branches.list(app.id)), ElementsAre(main.id, dev.id));
}

TEST_F(BranchRepositoryTest, ListsLiveChildren) {
  const auto add_child = [&](const std::string& name, const BranchId& parent) {
    Branch child = make_branch(app.id, name);
    child.parent = parent;
    return add(child);
  };
  const Branch dev = add_child("dev", main.id);
  const Branch qa = add_child("qa", main.id);
  const Branch deeper = add_child("deeper", dev.id);
  set_state(qa, State::retired);
  EXPECT_THAT(ids(catalog.branches.live_children(main.id)), ElementsAre(dev.id));
  EXPECT_THAT(ids(catalog.branches.live_children(dev.id)), ElementsAre(deeper.id));
  EXPECT_THAT(ids(catalog.branches.live_children(deeper.id)), ElementsAre());
}

TEST_F(BranchRepositoryTest, FindsTheLastOneRetired) {
  EXPECT_FALSE(catalog.branches.find_retired(app.id, "main"));
  set_state(main, State::retired, 10);
  const Branch later = add_branch(app.id, "main");
  set_state(later, State::retired, 30);
  set_state(add_branch(app.id, "main"), State::retired, 20);
  set_state(add_branch(app.id, "main"), State::deleted, 40);
  add_branch(app.id, "main");
  EXPECT_EQ(catalog.branches.find_retired(app.id, "main")->id, later.id);
}

TEST_F(BranchRepositoryTest, RemembersItsMovesInOrder) {
  Volume next = make_volume(main);
  next.id = VolumeId::make();
  catalog.write([&] {
    catalog.volumes.insert(next);
    catalog.branches.append({.branch = main.id, .from = main.volume, .to = next.id, .reason = "reset", .at = at(7)});
    // The clock may have gone back.
    catalog.branches.append({.branch = main.id, .from = next.id, .to = main.volume, .reason = "undo", .at = at(6)});
  });
  const std::vector<Move> moves = catalog.branches.moves(main.id);
  ASSERT_EQ(moves.size(), 2U);
  EXPECT_EQ(moves[0].branch, main.id);
  EXPECT_EQ(moves[0].from, main.volume);
  EXPECT_EQ(moves[0].to, next.id);
  EXPECT_EQ(moves[0].reason, "reset");
  EXPECT_EQ(moves[0].at, at(7));
  EXPECT_EQ(moves[1].reason, "undo");
  EXPECT_TRUE(catalog.branches.moves(add_branch(app.id, "dev").id).empty());
}

TEST_F(BranchRepositoryTest, IsErasedWithItsMoves) {
  catalog.write([&] {
    catalog.branches.append({.branch = main.id, .from = main.volume, .to = main.volume, .reason = "undo", .at = at(1)});
  });
  catalog.write([&] {
    catalog.branches.erase(main.id);
    catalog.volumes.erase(main.volume);
    catalog.databases.erase(app.id);
  });
  EXPECT_FALSE(catalog.branches.find(main.id));
  EXPECT_TRUE(catalog.branches.moves(main.id).empty());
}

TEST_F(BranchRepositoryTest, NeedsItsDatabaseParentAndVolume) {
  Branch dev = make_branch(app.id, "dev");
  EXPECT_EQ(error_of([&] { catalog.write([&] { catalog.branches.insert(dev); }); }).code(), ErrorCode::refused)
      << "no volume";
  EXPECT_EQ(error_of([&] { add_branch(DatabaseId::make(), "main"); }).code(), ErrorCode::refused);
  dev.parent = BranchId::make();
  EXPECT_EQ(error_of([&] { add(dev); }).code(), ErrorCode::refused);
  EXPECT_FALSE(catalog.branches.find(dev.id));
}

TEST_F(BranchRepositoryTest, OfWhichAnotherWasMadeIsNotErased) {
  Branch dev = make_branch(app.id, "dev");
  dev.parent = main.id;
  add(dev);
  EXPECT_THROW(catalog.write([&] {
    catalog.branches.erase(main.id);
    catalog.volumes.erase(main.volume);
  }),
               Error);
  EXPECT_TRUE(catalog.branches.find(main.id));
  EXPECT_TRUE(catalog.volumes.find(main.volume));
}

}  // namespace
}  // namespace bpg
