#pragma once

#include <filesystem>
#include <memory>
#include <optional>
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

/// Why no file system of this type ("tmpfs", or one that comes in an image) can be mounted here: not as root, in an unprivileged
/// container, without loop devices. Nothing where one can be. It is tried, once for each type.
std::optional<std::string> why_not_mountable(const std::string& type);

}  // namespace bpg::test

/// Skips the test where no file system of this type can be mounted.
#define BPG_NEEDS_MOUNT(type)                                             \
  if (const auto why_not = bpg::test::why_not_mountable(type); why_not) { \
    GTEST_SKIP() << *why_not;                                             \
  }                                                                       \
  static_assert(true, "wants a semicolon")
