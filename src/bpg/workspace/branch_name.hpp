#pragma once

#include <string>
#include <string_view>

namespace bpg::workspace {

/// The name of the database branch that follows a git branch; the same everywhere and at all times.
///
/// A valid name stays as it is and each slash becomes two dashes: "feature/login" is "feature--login". Where that would
/// not be valid or could be another's ("Fix", "a--b"), the name is made valid and a hash of the whole git name follows:
/// "fix--6e260b01". So two git branches never have one database branch.
std::string branch_name_of(std::string_view git_branch);

}  // namespace bpg::workspace
