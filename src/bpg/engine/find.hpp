#pragma once

#include "bpg/engine/context.hpp"

namespace bpg::engine {

/// A live branch with its database.
struct BranchRef {
  Database database;
  Branch branch;

  std::string subject() const { return database.name + "/" + branch.name; }
};

/// The live database of that name; else `Error{not_found}` with what was probably meant.
Database find_database(const Context& context, const std::string& name);

/// The live branch; else `Error{not_found}`. One that is still being made is `Error{busy}`, except where it is ephemeral:
/// that one can be looked at and connected to.
BranchRef find_branch(const Context& context, const Subject& subject);

/// Throws `Error{busy}` for a branch that is `creating`.
[[noreturn]] void throw_being_made(const std::string& subject, const Branch& branch);

/// The branch again, after its lock was taken: whatever was read before may have changed. One that is being made, or
/// ephemeral, is `Error{busy}`.
BranchRef find_branch_again(const Context& context, const BranchRef& before);

/// The branch's present volume.
Volume volume_of(const Context& context, const Branch& branch);

/// "app/main", whatever state it is in; its id where the catalog does not know it.
std::string subject_of(const catalog::Catalog& catalog, const BranchId& branch);

/// The user's snapshot with this label or id on the branch (any volume it has had); nothing where there is none.
std::optional<Snapshot> look_for_snapshot(const Context& context, const BranchRef& branch, const std::string& label_or_id);

/// The same; `Error{not_found}` with what was probably meant where there is none.
Snapshot find_snapshot(const Context& context, const BranchRef& branch, const std::string& label_or_id);

/// A user's snapshot by "snap_…" or "app/main@label".
Snapshot find_snapshot(const Context& context, const std::string& reference);

/// Where servers listen.
inline constexpr const char* loopback = "127.0.0.1";

}  // namespace bpg::engine
