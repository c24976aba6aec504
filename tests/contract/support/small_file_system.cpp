#include "support/small_file_system.hpp"

#include <sys/mount.h>

#include <map>

#include <fmt/format.h>

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

namespace {

std::optional<std::string> try_to_mount(const std::string& type) {
  // The smallest that each mkfs takes is below this; the image is sparse.
  constexpr uint64_t bytes = uint64_t{320} << 20;
  try {
    const SmallFileSystem tried(fs::temp_directory_path(), type, bytes);
    return std::nullopt;
  } catch (const Error& error) {
    const std::string words = error.message();
    return fmt::format("no {} can be mounted here: {}", type, words.substr(0, words.find('\n')));
  }
}

}  // namespace

std::optional<std::string> why_not_mountable(const std::string& type) {
  static std::map<std::string, std::optional<std::string>> known;
  if (!known.contains(type)) {
    known[type] = try_to_mount(type);
  }
  return known[type];
}

}  // namespace bpg::test
