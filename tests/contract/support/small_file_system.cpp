#include "support/small_file_system.hpp"

#include <sys/mount.h>

#include "bpg/util/process.hpp"

namespace bpg::test {

SmallFileSystem::SmallFileSystem(const fs::path& place, const std::string& type, uint64_t bytes) : m_scratch(place) {
  fs::permissions(m_scratch.path(), fs::perms(0711));
  fs::create_directory(path());
  if (type == "tmpfs") {
    run_checked({"mount", "-t", "tmpfs", "-o", "size=" + std::to_string(bytes), "tmpfs", path().string()});
    return;
  }
  const fs::path image = m_scratch.path() / "image";
  run_checked({"truncate", "-s", std::to_string(bytes), image.string()});
  run_checked({"mkfs." + type, "-q", image.string()});
  run_checked({"mount", "-o", "loop", image.string(), path().string()});
}

SmallFileSystem::~SmallFileSystem() { ::umount(path().c_str()); }

}  // namespace bpg::test
