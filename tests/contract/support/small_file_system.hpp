#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "support/contract.hpp"

namespace bpg::test {

/// A file system of its own, mounted while this object lives. Needs root.
class SmallFileSystem {
 public:
  /// "tmpfs" in memory, or "xfs" or "ext4" in an image below `place`.
  SmallFileSystem(const fs::path& place, const std::string& type, uint64_t bytes);
  ~SmallFileSystem();
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;

  fs::path path() const { return m_scratch.path() / "mnt"; }

 private:
  ScratchDirectory m_scratch;
};

}  // namespace bpg::test
