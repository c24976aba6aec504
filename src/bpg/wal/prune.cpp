#include "bpg/wal/prune.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/wal/lines.hpp"

namespace bpg::wal {

namespace {

fs::path cut_file(const Archive& archive) { return archive.path() / "kept-from"; }

void write_kept_from(const Archive& archive, uint64_t number, Owner owner) {
  Lines lines;
  lines.add("first-kept", number);
  write_file_atomic(cut_file(archive), lines.seal(), {.mode = 0600, .owner = owner});
}

}  // namespace

uint64_t kept_from(const Archive& archive) {
  const auto text = read_file_if_exists(cut_file(archive));
  if (!text) {
    return 0;
  }
  const auto lines = Lines::parse(*text);
  const auto number = lines ? lines->find_number("first-kept") : std::nullopt;
  if (!number) {
    throw Error(ErrorCode::storage, fmt::format("{} is damaged", cut_file(archive).string()),
                "Remove it: what was cleaned up then counts as missing.");
  }
  return *number;
}

Prunable prunable(const Archive& archive, const Cut& cut) {
  const uint64_t size = archive.identity().segment_size;
  std::vector<std::pair<uint64_t, FileName>> found;
  Prunable prunable;
  for (FileName& name : archive.list()) {
    const auto number = name.kind == FileKind::history ? std::nullopt : name.number(size);
    struct stat status {};
    if (!number || *number >= cut.first_kept || name.timeline > cut.timeline ||
        ::stat(archive.path_of(name).c_str(), &status) != 0) {
      continue;
    }
    prunable.segments += name.kind == FileKind::segment ? 1 : 0;
    prunable.bytes += static_cast<uint64_t>(status.st_size);
    found.emplace_back(*number, std::move(name));
  }
  std::ranges::stable_sort(found, {}, [](const auto& each) { return each.first; });
  for (auto& [number, name] : found) {
    prunable.files.push_back(std::move(name));
  }
  return prunable;
}

Prunable prune(const Archive& archive, const Cut& cut, const PruneOptions& options) {
  if (cut.first_kept > kept_from(archive)) {
    write_kept_from(archive, cut.first_kept, options.owner);
  }
  Prunable going = prunable(archive, cut);
  std::set<fs::path> directories;
  for (size_t done = 0; done < going.files.size(); ++done) {
    throw_if_interrupted();
    options.progress(done, going.files.size());
    const fs::path path = archive.path_of(going.files[done]);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      throw system_error(errno, fmt::format("cannot remove {}", path.string()));
    }
    directories.insert(path.parent_path());
  }
  for (const fs::path& directory : directories) {
    fsync_path(directory);
  }
  return going;
}

}  // namespace bpg::wal
