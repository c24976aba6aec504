#include <fmt/format.h>

#include "bpg/engine/lifetime.hpp"
#include "bpg/engine/lock.hpp"
#include "bpg/engine/make_branch.hpp"
#include "bpg/engine/port.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/setting_layers.hpp"
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
  CloneSource source = find_clone_source(context, find_branch(context, from.subject), from.moment);
  source.fast = request.fast;
  return source;
}

void refuse_taken_name(const Context& context, const Database& database, const Subject& subject) {
  if (context.catalog.branches.find_live(database.id, subject.branch)) {
    throw Error(ErrorCode::already_exists, fmt::format("branch '{}' exists already", subject.str()),
                subject.branch == main_branch ? fmt::format("Name the new branch: {}/NAME.", subject.database)
                                              : fmt::format("Choose another name, or bring it up to date with 'bpg branch reset {}'.", subject.str()));
  }
}

/// The source, found again once its lock was taken.
CloneSource lock_source(const Context& context, const CreateBranch& request, std::optional<FileLock>& lock) {
  CloneSource source = find_source(context, request);
  refuse_taken_name(context, source.branch.database, request.subject);
  check_settings(context, source.branch.database,
                 merge_settings(settings_of(choose_profile(context, request.profile)), request.settings));
  require_space(context);
  lock = lock_branch(context, source.branch.branch, FileLock::Mode::shared);
  source.branch = find_branch_again(context, source.branch);
  plan_restore_of(context, source);
  return source;
}

/// What goes by itself is not worth an archive.
bool wants_archive(const Context& context, const CreateBranch& request) {
  return request.archive && !request.ephemeral && !request.expires_at && !choose_profile(context, request.profile).ttl;
}

BranchRef new_branch(const Context& context, const CloneSource& source, const ClonePlan& plan, const CreateBranch& request) {
  const BranchId id = plan.volume.branch;
  const Profile profile = choose_profile(context, request.profile);
  return {source.branch.database,
          {.id = id,
           .database = source.branch.database.id,
           .name = request.subject.branch,
           .parent = source.branch.branch.id,
           .volume = plan.volume.id,
           .sealed_password = context.secrets.seal(random_password(), id.str()),
           .wants_running = request.start,
           .profile = request.profile,
           .expires_at = request.expires_at ? request.expires_at : expiry(profile, plan.volume.created_at),
           .ephemeral = request.ephemeral,
           .archive = plan.volume.archived,
           .created_at = plan.volume.created_at}};
}

}  // namespace

BranchMaking::BranchMaking(Context& context, const CreateBranch& request)
    : m_context(context),
      m_source(lock_source(context, request, m_source_lock)),
      m_plan(plan_clone(context, m_source, BranchId::make(), wants_archive(context, request))),
      m_branch(new_branch(context, m_source, m_plan, request)) {
  m_making.emplace(context, m_plan.volume.id, [&] {
    refuse_taken_name(context, m_branch.database, request.subject);
    m_branch.branch.port = choose_port(context);
    context.catalog.branches.insert(m_branch.branch);
    for (const ServerSetting& setting : merge_settings(inherited_settings(context, m_source.branch), request.settings)) {
      context.catalog.settings.set(m_branch.branch.id, setting);
    }
    store_plan(context, m_source, m_plan);
  });
  make_clone(context, m_branch, m_source, m_plan);
  if (!m_source.restore) {
    m_source_lock.reset();
  }
  bring_up_clone(context, m_branch, m_source, m_plan, request.start);
  m_source_lock.reset();
}

BranchRef BranchMaking::done() {
  m_making->done([&] {
    // Its parent may have been deleted since, and its children hung on another.
    m_branch.branch.parent = m_context.catalog.branches.find(m_branch.branch.id).value().parent;
    m_branch.branch.state = State::ready;
    m_branch.branch.ephemeral = false;
    m_context.catalog.branches.update(m_branch.branch);
    store_clone(m_context, m_source, m_plan);
  });
  return m_branch;
}

BranchView create_branch(Context& context, const CreateBranch& request) {
  refuse_past(context, request.expires_at);
  BranchMaking making(context, request);
  BranchView made = view(context, making.done());
  made.restored = making.restored();
  return made;
}

}  // namespace bpg::engine
