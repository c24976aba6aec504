#include "bpg/engine/find.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::engine {

Database find_database(const Context& context, const std::string& name) {
  if (auto database = context.catalog.databases.find_live(name)) {
    return *database;
  }
  std::vector<std::string> names;
  for (const Database& database : context.catalog.databases.list_live()) {
    names.push_back(database.name);
  }
  throw Error(ErrorCode::not_found, fmt::format("there is no database '{}'", name),
              did_you_mean(name, names, names.empty() ? "Create one with 'bpg db create NAME'." : "'bpg db list' shows what there is."));
}

BranchRef find_branch(const Context& context, const Subject& subject) {
  const Database database = find_database(context, subject.database);
  const auto branch = context.catalog.branches.find_live(database.id, subject.branch);
  if (!branch) {
    std::vector<std::string> names;
    for (const Branch& other : context.catalog.branches.list(database.id)) {
      if (other.state == State::ready) {
        names.push_back(fmt::format("{}/{}", database.name, other.name));
      }
    }
    throw Error(ErrorCode::not_found, fmt::format("there is no branch '{}'", subject.str()),
                did_you_mean(subject.str(), names, fmt::format("'bpg branch list {}' shows what there is.", database.name)));
  }
  if (branch->state != State::ready && !branch->ephemeral) {
    throw_being_made(subject.str(), *branch);
  }
  return {database, *branch};
}

void throw_being_made(const std::string& subject, const Branch& branch) {
  if (branch.ephemeral) {
    throw Error(ErrorCode::busy, fmt::format("branch '{}' belongs to a running 'bpg exec'", subject),
                "It goes when its command has ended, or stays from then on with --keep.");
  }
  throw Error(ErrorCode::busy, fmt::format("branch '{}' is still being made", subject), "Try again in a moment.");
}

BranchRef find_branch_again(const Context& context, const BranchRef& before) {
  const auto branch = context.catalog.branches.find(before.branch.id);
  const auto database = context.catalog.databases.find(before.database.id);
  if (branch && branch->state == State::creating) {
    throw_being_made(before.subject(), *branch);
  }
  if (!branch || branch->state != State::ready || !database || database->deleted_at) {
    throw Error(ErrorCode::not_found, fmt::format("branch '{}' was deleted meanwhile", before.subject()));
  }
  return {*database, *branch};
}

Volume volume_of(const Context& context, const Branch& branch) {
  const auto volume = context.catalog.volumes.find(branch.volume);
  if (!volume) {
    throw Error(ErrorCode::failure, fmt::format("branch '{}' points at a volume that the catalog does not know", branch.name));
  }
  return *volume;
}

std::string subject_of(const catalog::Catalog& catalog, const BranchId& id) {
  const auto branch = catalog.branches.find(id);
  const auto database = branch ? catalog.databases.find(branch->database) : std::nullopt;
  return database ? BranchRef{*database, *branch}.subject() : id.str();
}

std::optional<Snapshot> look_for_snapshot(const Context& context, const BranchRef& branch, const std::string& label_or_id) {
  const auto snapshots = context.catalog.snapshots.of_branch(branch.branch.id);
  const auto found = std::ranges::find_if(snapshots, [&](const Snapshot& snapshot) {
    return snapshot.id.str() == label_or_id || (!snapshot.label.empty() && snapshot.label == label_or_id);
  });
  return found == snapshots.end() ? std::nullopt : std::optional(*found);
}

Snapshot find_snapshot(const Context& context, const BranchRef& branch, const std::string& label_or_id) {
  if (auto found = look_for_snapshot(context, branch, label_or_id)) {
    return *std::move(found);
  }
  std::vector<std::string> labels;
  for (const Snapshot& snapshot : context.catalog.snapshots.of_branch(branch.branch.id)) {
    if (!snapshot.label.empty()) {
      labels.push_back(snapshot.label);
    }
  }
  throw Error(ErrorCode::not_found, fmt::format("{} has no snapshot '{}'", branch.subject(), label_or_id),
              did_you_mean(label_or_id, labels, fmt::format("'bpg snapshot list {}' shows what there is.", branch.subject())));
}

Snapshot find_snapshot(const Context& context, const std::string& reference) {
  if (const auto id = SnapshotId::parse(reference)) {
    const auto snapshot = context.catalog.snapshots.find(*id);
    if (snapshot && snapshot->user && snapshot->state == State::ready) {
      return *snapshot;
    }
    throw Error(ErrorCode::not_found, fmt::format("there is no snapshot '{}'", reference), "'bpg snapshot list' shows what there is.");
  }
  const SubjectAt at = SubjectAt::parse(reference);
  if (at.moment.empty()) {
    throw Error(ErrorCode::usage, fmt::format("'{}' names no snapshot", reference),
                "Name one as snap_… or as DB/BRANCH@LABEL.");
  }
  return find_snapshot(context, find_branch(context, at.subject), at.moment);
}

}  // namespace bpg::engine
