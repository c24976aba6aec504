#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "bpg/catalog/sqlite.hpp"

namespace bpg::catalog {

/// The SQL that makes each version of the schema from the one before; the first begins with an empty file. A
/// published one never changes.
std::span<const std::string_view> migrations();

/// Opens the file, makes it (0600) where there is none, and brings it to the last of `steps` in one transaction
/// (PRAGMA user_version counts them). Throws `Error{environment}` for a damaged file, another program's file, or
/// one of a newer bpg.
std::unique_ptr<Connection> open_store(const std::filesystem::path& file, std::span<const std::string_view> steps);

}  // namespace bpg::catalog
