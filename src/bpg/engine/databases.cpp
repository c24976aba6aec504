#include "bpg/engine/databases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/engine/create_database.hpp"
#include "bpg/engine/delete_branch.hpp"
#include "bpg/engine/lock.hpp"
#include "bpg/engine/manifest.hpp"
#include "bpg/engine/protection.hpp"
#include "bpg/engine/switching.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

std::vector<DatabaseView> list_databases(const Context& context) {
  std::vector<DatabaseView> views;
  for (const Database& database : context.catalog.databases.list_live()) {
    views.push_back(view(context, database));
  }
  return views;
}

DatabaseView get_database(const Context& context, const std::string& name) {
  return view(context, find_database(context, name));
}

DatabaseView rename_database(Context& context, const std::string& from, const std::string& to) {
  check_database_name(to);
  Database database = find_database(context, from);
  if (from != to) {
    context.catalog.write([&] {
      refuse_taken_database_name(context, to);
      database = find_database(context, from);
      database.name = to;
      context.catalog.databases.update(database);
    });
    rewrite_manifests(context, database.id);
  }
  return view(context, database);
}

DatabaseView delete_database(Context& context, const DeleteDatabase& request) {
  Database database = find_database(context, request.name);
  std::vector<BranchRef> branches;
  std::vector<std::string> besides_main;
  std::vector<FileLock> locks;
  for (const Branch& branch : context.catalog.branches.list(database.id)) {
    if (branch.state == State::creating) {
      throw_being_made(database.name + "/" + branch.name, branch);
    }
    if (branch.state == State::ready) {
      branches.insert(branches.begin(), {database, branch});
      if (branch.parent) {
        besides_main.push_back(database.name + "/" + branch.name);
      }
    }
  }
  if (!besides_main.empty() && !request.force) {
    throw Error(ErrorCode::has_children,
                fmt::format("database '{}' has branches besides main: {}", database.name, fmt::join(besides_main, ", ")),
                "Delete them all with --force.");
  }
  for (const BranchRef& branch : branches) {
    locks.push_back(lock_branch(context, branch.branch, FileLock::Mode::exclusive));
    refuse_if_protected(find_branch_again(context, branch), "be deleted");
  }
  const DatabaseView before = view(context, database);
  retire_branches(context, branches, request.now, [&] {
    for (const Branch& branch : context.catalog.branches.list(database.id)) {
      if (branch.state == State::creating || branch.state == State::ready) {
        throw Error(ErrorCode::busy, fmt::format("branch '{}/{}' appeared meanwhile", database.name, branch.name),
                    "Try again.");
      }
    }
    database.deleted_at = context.catalog.branches.find(branches.front().branch.id)->deleted_at;
    context.catalog.databases.update(database);
  });
  return before;
}

DatabaseView undelete_database(Context& context, const std::string& name) {
  if (context.catalog.databases.find_live(name)) {
    throw Error(ErrorCode::already_exists, fmt::format("database '{}' exists", name),
                fmt::format("To bring the deleted one back, rename this one first: 'bpg db rename {} NEW'.", name));
  }
  auto database = context.catalog.databases.find_deleted(name);
  if (!database) {
    throw Error(ErrorCode::not_found, fmt::format("no deleted database '{}' is kept", name),
                "'bpg cleanup --dry-run' shows what is kept.");
  }
  const Time deleted_at = database->deleted_at.value();
  std::vector<BranchRef> revived;
  step("revive", [&] {
    context.catalog.write([&] {
      database->deleted_at.reset();
      context.catalog.databases.update(*database);
      for (Branch& branch : context.catalog.branches.list(database->id)) {
        const auto volume = context.catalog.volumes.find(branch.volume);
        if (branch.state == State::retired && branch.deleted_at == deleted_at && volume &&
            volume->state == State::retired) {
          revive_branch(context, branch);
          revived.push_back({*database, branch});
        }
      }
    });
  });
  for (const BranchRef& branch : revived) {
    const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
    end_switching(context, branch.branch.id);
  }
  return view(context, *database);
}

}  // namespace bpg::engine
