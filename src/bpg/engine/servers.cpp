#include "bpg/engine/servers.hpp"

#include "bpg/engine/lock.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/switching.hpp"
#include "bpg/util/error.hpp"

namespace bpg::engine {

namespace {

std::vector<BranchRef> branches_of(const Context& context, const ControlServers& request) {
  std::vector<BranchRef> branches;
  for (const Subject& subject : request.subjects) {
    branches.push_back(find_branch(context, subject));
  }
  if (request.choice != ServerChoice::named) {
    for (const Branch& branch : context.catalog.branches.list_live()) {
      const auto database = context.catalog.databases.find(branch.database);
      const bool chosen = request.choice == ServerChoice::all || branch.wants_running;
      if (branch.state == State::ready && database && chosen) {
        branches.push_back({*database, branch});
      }
    }
  }
  return branches;
}

void control(Context& context, BranchRef& branch, const ControlServers& request) {
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::exclusive);
  branch = find_branch_again(context, branch);
  if (request.choice == ServerChoice::wanted) {
    if (!branch.branch.wants_running) {
      return;  // stopped by somebody in between
    }
  } else if (const bool wants_running = request.action != ServerAction::stop; branch.branch.wants_running != wants_running) {
    branch.branch.wants_running = wants_running;
    context.catalog.write([&] { context.catalog.branches.update(branch.branch); });
  }
  switch (request.action) {
    case ServerAction::start:
      start_server(context, branch);
      return;
    case ServerAction::stop:
      stop_server(context, branch.branch.volume);
      return;
    case ServerAction::restart: {
      Switching switching(context, branch);
      end_switching(context, branch.branch.id);
      switching.done();
      return;
    }
  }
}

}  // namespace

std::vector<BranchView> control_servers(Context& context, const ControlServers& request) {
  std::vector<BranchRef> branches = branches_of(context, request);
  std::optional<Error> failure;
  for (BranchRef& branch : branches) {
    try {
      control(context, branch, request);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) {
        throw;
      }
      if (!failure) {
        failure = error.with_context(branch.subject());
      }
    }
  }
  if (failure) {
    throw *failure;
  }
  return view_all(context, branches, Measure::no);
}

}  // namespace bpg::engine
