#include "bpg/engine/ensure_branch.hpp"

#include <chrono>
#include <thread>

#include "bpg/engine/branches.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/servers.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::engine {

namespace {

/// Nothing where somebody else was quicker.
std::optional<BranchView> make(Context& context, const EnsureBranch& request) {
  try {
    return create_branch(context, {.subject = request.subject, .from = request.from});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::already_exists) {
      throw;
    }
    return std::nullopt;
  }
}

/// Whoever was quicker may not be through.
BranchRef wait_until_made(const Context& context, const Subject& subject) {
  const auto deadline = std::chrono::steady_clock::now() + context.config.lock_wait;
  for (;;) {
    try {
      return find_branch(context, subject);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::busy || std::chrono::steady_clock::now() > deadline) {
        throw;
      }
    }
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

EnsuredBranch ensure_branch(Context& context, const EnsureBranch& request) {
  using Outcome = EnsuredBranch::Outcome;
  const Database database = find_database(context, request.subject.database);
  if (!context.catalog.branches.find_live(database.id, request.subject.branch)) {
    if (auto made = make(context, request)) {
      return {std::move(*made), Outcome::made};
    }
  }
  const BranchRef branch = wait_until_made(context, request.subject);
  if (branch.branch.wants_running && !branch.branch.switching && server_status(context, branch.branch.volume).ready) {
    return {view(context, branch), Outcome::was_running};
  }
  const auto started = control_servers(context, {.action = ServerAction::start, .subjects = {request.subject}});
  return {started.front(), Outcome::started};
}

}  // namespace bpg::engine
