#include "bpg/storage/pool/pool_image.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "bpg/storage/btrfs/subvolume.hpp"
#include "bpg/storage/pool/loop_device.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/process.hpp"

namespace bpg::storage {

namespace {

constexpr std::chrono::seconds lock_wait{60};

FileLock lock(const fs::path& path) {
  if (auto held = FileLock::acquire(path, FileLock::Mode::exclusive, lock_wait)) {
    return std::move(*held);
  }
  throw Error(ErrorCode::busy, fmt::format("another process keeps {} locked", path.string()));
}

bool is_mount_point(const fs::path& path) {
  struct statx status {};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// A sparse image gives freed space back to the file system below; a preallocated one keeps what it was promised.
const char* discard_option(const fs::path& image) {
  struct stat status {};
  const bool full = ::stat(image.c_str(), &status) == 0 && status.st_blocks * 512 >= status.st_size;
  return full ? "nodiscard" : "discard=async";
}

}  // namespace

PoolImage PoolImage::in(const fs::path& directory) { return {directory / "pool.img", directory / "pool"}; }

PoolImage::PoolImage(fs::path image, fs::path mount_point)
    : m_image(std::move(image)), m_mount_point(std::move(mount_point)) {}

fs::path PoolImage::lock_path() const { return m_image.string() + ".lock"; }

bool PoolImage::exists() const { return fs::exists(m_image); }

bool PoolImage::mounted() const { return is_mount_point(m_mount_point) && subvolume::on_btrfs(m_mount_point); }

void PoolImage::create(const PoolSize& size) const {
  const FileLock held = lock(lock_path());
  if (exists()) {
    return;
  }
  if (!find_program("mkfs.btrfs")) {
    throw Error(ErrorCode::storage, "'mkfs.btrfs' is not installed", "Install btrfs-progs.");
  }
  const fs::path temporary = m_image.string() + ".tmp";
  ::unlink(temporary.c_str());  // of a call that was killed: the lock says that nobody is at it
  try {
    const UniqueFd fd = open_file(temporary, O_RDWR | O_CREAT | O_EXCL, 0600);
    allocate(fd.get(), size, temporary);
    // One copy of the metadata: two in one file would fail together. -K: a discard would undo the preallocation.
    run_checked({"mkfs.btrfs", "-q", "-K", "-L", "betterpg", "-m", "single", "-d", "single", temporary.string()});
    if (::fsync(fd.get()) != 0) {
      throw system_error(errno, fmt::format("cannot fsync {}", temporary.string()));
    }
    fs::rename(temporary, m_image);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  fsync_path(m_image.parent_path());
}

void PoolImage::mount(std::vector<std::string>* notes) const {
  if (mounted()) {
    return;
  }
  if (!exists()) {
    throw Error(ErrorCode::storage, fmt::format("the pool's image {} is missing", m_image.string()));
  }
  if (::geteuid() != 0) {
    throw Error(ErrorCode::permission, fmt::format("the pool {} is not mounted, and only root may mount it",
                                                   m_mount_point.string()),
                "Run the command once as root, for example 'sudo bpg status'.");
  }
  const FileLock held = lock(lock_path());
  if (mounted()) {
    return;
  }
  make_directory(m_mount_point, 0711);
  const LoopDevice device = LoopDevice::attach(m_image);
  const char* source = device.path().c_str();
  const char* target = m_mount_point.c_str();
  int result = ::mount(source, target, "btrfs", MS_NOATIME, discard_option(m_image));
  if (result != 0 && errno == EINVAL) {
    result = ::mount(source, target, "btrfs", MS_NOATIME, nullptr);  // before Linux 5.6 without discard=async
  }
  if (result != 0) {
    throw system_error(errno, fmt::format("cannot mount {} at {}", m_image.string(), m_mount_point.string()));
  }
  if (::chmod(target, 0711) != 0) {
    throw system_error(errno, fmt::format("cannot change the mode of {}", m_mount_point.string()));
  }
  if (notes && !device.direct_io()) {
    notes->push_back("the loop device refused direct I/O: expect about a third less throughput");
  }
}

void PoolImage::remove() const {
  {
    const FileLock held = lock(lock_path());
    if (mounted() && ::umount2(m_mount_point.c_str(), UMOUNT_NOFOLLOW) != 0) {
      throw system_error(errno, fmt::format("cannot unmount {}", m_mount_point.string()));
    }
    fs::remove(m_image);
    fs::remove(m_mount_point);
    fsync_path(m_image.parent_path());
  }
  fs::remove(lock_path());
}

}  // namespace bpg::storage
