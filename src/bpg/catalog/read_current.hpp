#pragma once

#include <filesystem>
#include <optional>

#include "bpg/catalog/catalog.hpp"

namespace bpg::catalog {

/// Opens a catalog that is there and needs no migration: nothing is changed by it. Nothing where it is of an older bpg. Errors are
/// those of `Catalog::open`.
std::optional<Catalog> read_current(const std::filesystem::path& file);

}  // namespace bpg::catalog
