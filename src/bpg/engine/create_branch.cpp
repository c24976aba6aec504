#include <fmt/format.h>

#include "bpg/engine/branches.hpp"
#include "bpg/engine/clone.hpp"
#include "bpg/engine/lock.hpp"
#include "bpg/engine/making.hpp"
#include "bpg/engine/manifest.hpp"
#include "bpg/engine/port.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

CloneSource find_source(const Context& context, const CreateBranch& request) {
  const SubjectAt from = request.from.value_or(
      SubjectAt{{request.subject.database, std::string(main_branch)}, {}});
  if (from.subject.database != request.subject.database) {
    throw Error(ErrorCode::usage,
                fmt::format("'{}' and '{}' are of different databases", request.subject.str(), from.subject.str()),
                fmt::format("A branch comes from its own database: --from {}/…", request.subject.database));
  }
  CloneSource source{.branch = find_branch(context, from.subject), .snapshot = std::nullopt, .fast = request.fast};
  if (!from.snapshot.empty()) {
    source.snapshot = find_snapshot(context, source.branch, from.snapshot);
  }
  return source;
}

void refuse_taken_name(const Context& context, const Database& database, const Subject& subject) {
  if (context.catalog.branches.find_live(database.id, subject.branch)) {
    throw Error(ErrorCode::already_exists, fmt::format("branch '{}' exists already", subject.str()),
                fmt::format("Choose another name, or bring it up to date with 'bpg branch reset {}'.", subject.str()));
  }
}

}  // namespace

BranchView create_branch(Context& context, const CreateBranch& request) {
  CloneSource source = find_source(context, request);
  refuse_taken_name(context, source.branch.database, request.subject);
  require_space(context);
  const FileLock parent_lock = lock_branch(context, source.branch.branch, FileLock::Mode::shared);
  source.branch = find_branch_again(context, source.branch);

  const BranchId id = BranchId::make();
  const std::string password = random_password();
  ClonePlan plan = plan_clone(context, source, id);
  BranchRef branch{source.branch.database,
                   {.id = id,
                    .database = source.branch.database.id,
                    .name = request.subject.branch,
                    .parent = source.branch.branch.id,
                    .volume = plan.volume.id,
                    .sealed_password = context.secrets.seal(password, id.str()),
                    .wants_running = request.start,
                    .created_at = plan.volume.created_at}};

  Making making(context, plan.volume.id, [&] {
    refuse_taken_name(context, branch.database, request.subject);
    branch.branch.port = choose_port(context);
    context.catalog.branches.insert(branch.branch);
    store_plan(context, source, plan);
  });
  const Frozen frozen = make_clone(context, source, plan);
  if (request.start) {
    first_start(context, branch, plan.volume, password, [](postgres::Session&) {});
  } else {
    step("write manifest", [&] {
      write_manifest(context, branch, plan.volume);
      sync_file_system(context.storage->volume_path(plan.volume.id));
    });
  }
  making.done([&] {
    branch.branch.state = State::ready;
    context.catalog.branches.update(branch.branch);
    store_clone(context, plan, frozen);
  });
  return view(context, branch);
}

}  // namespace bpg::engine
