#pragma once

#include <filesystem>
#include <functional>

#include "bpg/storage/storage.hpp"

namespace bpg::storage {

/// A regular file that is being copied: the descriptors are open, the target is empty.
struct FilePair {
  int source;
  int target;
  const std::filesystem::path& path;  ///< of the source, for messages
};

/// Copies the content of one file. Called from several threads.
using CopyContent = std::function<void(const FilePair&)>;

/// Copies the tree `source` to the new directory `target`, many files at once: directories, regular files and
/// symbolic links with mode, owner and modification time, hard links as such. What vanishes meanwhile is left
/// out; so are sockets, pipes and devices. Nobody but this user can look into `target` before it is complete, and
/// it is durable on return.
void copy_tree(const std::filesystem::path& source, const std::filesystem::path& target, const CopyRules& rules,
               const CopyContent& copy_content);

}  // namespace bpg::storage
