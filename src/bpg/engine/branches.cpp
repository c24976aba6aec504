#include "bpg/engine/branches.hpp"

#include <fmt/format.h>

#include "bpg/engine/lock.hpp"
#include "bpg/engine/manifest.hpp"
#include "bpg/util/error.hpp"

namespace bpg::engine {

namespace {

void append_tree(const BranchRef& branch, const std::vector<Branch>& all, std::vector<BranchRef>& ordered) {
  ordered.push_back(branch);
  for (const Branch& other : all) {
    if (other.parent == branch.branch.id) {
      append_tree({branch.database, other}, all, ordered);
    }
  }
}

}  // namespace

std::vector<BranchView> list_branches(const Context& context, const std::optional<std::string>& name, Measure measure) {
  const auto databases = name ? std::vector{find_database(context, *name)} : context.catalog.databases.list_live();
  const auto live = context.catalog.branches.list_live();
  std::vector<BranchRef> ordered;
  for (const Database& database : databases) {
    for (const Branch& branch : live) {
      if (branch.database == database.id && !branch.parent) {
        append_tree({database, branch}, live, ordered);
      }
    }
  }
  return view_all(context, ordered, measure);
}

BranchView get_branch(const Context& context, const Subject& subject, Measure measure) {
  return view(context, find_branch(context, subject), measure);
}

BranchView rename_branch(Context& context, const Subject& subject, const std::string& name) {
  check_name("branch", name);
  BranchRef branch = find_branch(context, subject);
  if (!branch.branch.parent) {
    throw Error(ErrorCode::refused, fmt::format("{} keeps its name", branch.subject()),
                fmt::format("To rename the database: 'bpg db rename {} NEW'.", branch.database.name));
  }
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  branch = find_branch_again(context, branch);
  if (name == branch.branch.name) {
    return view(context, branch);
  }
  if (context.catalog.branches.find_live(branch.database.id, name)) {
    throw Error(ErrorCode::already_exists, fmt::format("branch '{}/{}' exists already", branch.database.name, name),
                "Choose another name.");
  }
  branch.branch.name = name;
  context.catalog.write([&] { context.catalog.branches.update(branch.branch); });
  rewrite_manifests(context, branch.database.id);
  return view(context, branch);
}

}  // namespace bpg::engine
