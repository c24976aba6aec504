#pragma once

#include <string>
#include <vector>

#include "bpg/cli/output.hpp"
#include "bpg/engine/wal_cleanup.hpp"
#include "bpg/engine/wal_info.hpp"
#include "bpg/engine/wal_verify.hpp"

namespace bpg::cli {

/// What people are shown of archives. Every function returns whole lines.

/// A table, and below it a line for everything that is wrong.
std::string wal_table(const Output& output, const std::vector<engine::WalView>& views);
std::string wal_findings(const std::vector<engine::VerifiedWal>& verified);
std::string wal_cleanup_table(const Output& output, const std::vector<engine::WalCleanUpEntry>& entries, bool dry_run);

}  // namespace bpg::cli
