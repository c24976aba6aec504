#pragma once

#include <filesystem>
#include <string>

#include "bpg/cli/command_page.hpp"

namespace bpg::cli {

/// docs/reference.md.
std::string reference(const CommandPage& root);

/// The tree as JSON: for tests, and for whoever makes something else of it.
std::string tree_as_json(const CommandPage& root);

/// Writes a page for each command (bpg.1, bpg-branch.1, bpg-branch-create.1, …) into a directory, which is made. Their date is SOURCE_DATE_EPOCH, else today.
void write_manual_pages(const CommandPage& root, const std::filesystem::path& directory);

}  // namespace bpg::cli
