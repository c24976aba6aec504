#include "bpg/storage/zfs/zfs_pool_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/file.hpp"

namespace bpg::storage::zfs {

namespace {

/// The user property of a pool's top dataset that tells which file it was made in.
constexpr const char* file_property = "betterpg:file";

Error name_taken(const std::string& pool) {
  return Error(ErrorCode::already_exists, fmt::format("there is a zfs pool '{}' already", pool),
               fmt::format("Give the new one another name with --pool, or use that one: '--storage zfs --pool {}'.", pool));
}

UniqueFd make_file(const fs::path& file) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd) {
    return fd;
  }
  if (errno == EEXIST) {
    throw Error(ErrorCode::already_exists, fmt::format("{} exists already", file.string()),
                "A pool is made in a new file only: name another, or remove that one if nobody needs it.");
  }
  throw system_error(errno, fmt::format("cannot make {}", file.string()));
}

}  // namespace

bool PoolFile::imported() const { return property(m_pool, file_property) == m_file.string(); }

void PoolFile::create(const PoolSize& size) const {
  if (property(m_pool, "type")) {
    throw name_taken(m_pool);
  }
  const UniqueFd fd = make_file(m_file);
  try {
    allocate(fd.get(), size, m_file);
    // Records and indirect blocks are then multiples of what the disk below writes at once.
    run_zpool({"create", "-o", "ashift=12", "-o", "cachefile=none", "-O", "canmount=off", "-O", "mountpoint=none", "-O",
               fmt::format("{}={}", file_property, m_file.string()), m_pool, m_file.string()});
  } catch (...) {
    ::unlink(m_file.c_str());
    throw;
  }
  fsync_path(m_file.parent_path());
}

void PoolFile::import() const {
  if (!fs::exists(m_file)) {
    throw Error(ErrorCode::storage, fmt::format("the pool's file {} is missing", m_file.string()),
                "Mount the file system that holds it.");
  }
  if (::geteuid() != 0) {
    throw Error(ErrorCode::permission, fmt::format("the zfs pool '{}' is not imported, and only root may import it", m_pool),
                "Run the command once as root, for example 'sudo bpg status'.");
  }
  if (property(m_pool, "type")) {
    throw Error(ErrorCode::already_exists, fmt::format("another zfs pool has the name '{}'", m_pool),
                fmt::format("Export it with 'zpool export {}': the pool in {} was there before.", m_pool, m_file.string()));
  }
  // Older ones take a directory only, which they search for pools.
  run_zpool({"import", "-d", m_file.parent_path().string(), "-o", "cachefile=none", m_pool});
}

std::vector<std::string> PoolFile::datasets_besides(const std::string& group, const std::string& dataset) const {
  std::vector<std::string> foreign;
  for (auto& row : rows(run_zfs({"list", "-H", "-r", "-t", "filesystem,volume,snapshot", "-o", "name", m_pool}))) {
    std::string& name = row.at(0);
    if (name != m_pool && name != group && name != dataset && !name.starts_with(dataset + "/")) {
      foreign.push_back(std::move(name));
    }
  }
  return foreign;
}

void PoolFile::remove() const {
  if (imported()) {
    run_zpool_when_idle({"destroy", m_pool});
  }
  if (::unlink(m_file.c_str()) != 0 && errno != ENOENT) {
    throw system_error(errno, fmt::format("cannot remove {}", m_file.string()));
  }
}

}  // namespace bpg::storage::zfs
