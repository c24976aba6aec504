#pragma once

#include <filesystem>
#include <string>

#include "bpg/storage/tree_copy.hpp"

namespace bpg::storage {

/// Copies a tree by cloning its files, and throws where that turns out to share no blocks: FICLONE may copy
/// without a word.
void reflink_tree(const std::filesystem::path& source, const std::filesystem::path& target, const CopyRules& rules);

/// Clones a small file in `directory`. Empty where that works and shares blocks; else the reason why not.
std::string why_no_reflink(const std::filesystem::path& directory);

}  // namespace bpg::storage
