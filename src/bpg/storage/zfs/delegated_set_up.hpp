#pragma once

#include "bpg/storage/storage.hpp"

namespace bpg::storage {

/// Takes the dataset that root has delegated to this user (`bpg setup`) for this home; one home at a time has it. Throws
/// `Error{permission}` where root has delegated none.
SetupResult set_up_delegated(const SetupRequest& request, const fs::path& home);

/// Gives it back, for another home of the user's.
void tear_down_delegated(const Location& location);

}  // namespace bpg::storage
