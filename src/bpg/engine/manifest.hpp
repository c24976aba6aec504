#pragma once

#include "bpg/engine/find.hpp"

namespace bpg::engine {

/// Writes the volume's manifest: who it is and where it comes from, so that a lost catalog can be told again from
/// the storage. The ids hold for ever; names and port are those of the last time it was written.
void write_manifest(const Context& context, const BranchRef& branch, const Volume& volume);

/// The part of it that storages with labels note on the volume itself, for `zfs list -o name,betterpg:database,…`: what is known
/// when the volume is made.
storage::Labels labels_of(const BranchRef& branch, const Volume& volume);

/// Writes the manifests and labels of all volumes of a database anew: after a rename.
void rewrite_manifests(const Context& context, const DatabaseId& database);

}  // namespace bpg::engine
