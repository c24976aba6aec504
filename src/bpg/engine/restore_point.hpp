#pragma once

#include <string>

#include "bpg/engine/find.hpp"

namespace bpg::engine {

struct RestorePointView {
  std::string subject;
  std::string name;
  Lsn lsn;  ///< the end of its record
  Time time{};
};

/// Writes a restore point into the WAL of a running branch (pg_create_restore_point). Recovery finds the first of a name, so
/// one that is taken in the branch's present archive is `Error{already_exists}`; a branch without an archive is
/// `Error{refused}`.
RestorePointView create_restore_point(Context& context, const Subject& subject, const std::string& name);

}  // namespace bpg::engine
