#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "bpg/util/clock.hpp"

namespace bpg::catalog {

class Connection;  // sqlite.hpp

// A whole copy of the store is kept beside it, for the day when the file is gone or damaged, and with it the copy before: none is
// synced, since that would cost each command milliseconds, so a power cut may take the newer one.

/// Renews the copy of this store. Others do not write to it meanwhile, so of two processes that do this the copy of the later
/// state stays. Throws where the files cannot be written; the copies that were there are then still there.
void renew_copy(Connection& connection);

/// Whether there is a copy of the store in `file`.
bool has_copy(const std::filesystem::path& file);

/// Puts the newest copy that is whole in the place of a store that is gone, durably, and says when it was made. Nothing where there
/// is a store, or no copy. Throws `Error{environment}` where no copy is whole. Interrupted, it can be repeated.
std::optional<Time> put_copy_back(const std::filesystem::path& file);

/// Removes the store, what SQLite keeps beside it, and the copies.
void remove_store(const std::filesystem::path& file);

}  // namespace bpg::catalog
