#include "bpg/engine/restore_point.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/lock.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/wal_archive.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/wal/index.hpp"

namespace bpg::engine {

namespace {

constexpr size_t longest_restore_point = 63;  // MAXFNAMELEN in xlog_internal.h, without its zero

void check(const std::string& name) {
  const bool printable = std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (name.empty() || name.size() > longest_restore_point || !printable) {
    throw Error(ErrorCode::usage, "that is no name of a restore point",
                fmt::format("It has 1 to {} bytes, without control characters.", longest_restore_point));
  }
}

bool is_archived(const Context& context, const VolumeId& volume, const std::string& name) {
  const auto index = wal::Index::read(open_wal_archive(context, volume));
  return std::ranges::any_of(index.entries(), [&](const auto& named) {
    const auto& summary = named.second.head.summary;
    return summary && std::ranges::any_of(summary->restore_points, [&](const auto& point) { return point.name == name; });
  });
}

}  // namespace

RestorePointView create_restore_point(Context& context, const Subject& subject, const std::string& name) {
  check(name);
  BranchRef branch = find_branch(context, subject);
  const FileLock lock = lock_branch(context, branch.branch, FileLock::Mode::shared);
  branch = find_branch_again(context, branch);
  const Volume volume = volume_of(context, branch.branch);
  if (!volume.archived) {
    throw Error(ErrorCode::refused, fmt::format("the WAL of {} is not archived: it could not be restored", branch.subject()),
                fmt::format("Take a snapshot: 'bpg snapshot create {}'.", branch.subject()));
  }
  if (!server_status(context, volume.id).ready) {
    throw Error(ErrorCode::refused, fmt::format("{} is not running", branch.subject()), fmt::format("'bpg start {}' starts it.", branch.subject()));
  }
  if (is_archived(context, volume.id, name)) {
    throw Error(ErrorCode::already_exists, fmt::format("{} has a restore point '{}' already", branch.subject(), name), "Choose another name.");
  }
  postgres::Session session(admin_endpoint(context, branch.branch, volume.id));
  RestorePointView point{.subject = branch.subject(), .name = name, .lsn = {}, .time = context.clock.now()};
  step("write restore point", [&] {
    point.lsn = Lsn::parse(session.query_value("SELECT pg_create_restore_point($1)", {name})).value_or(Lsn{});
  });
  return point;
}

}  // namespace bpg::engine
