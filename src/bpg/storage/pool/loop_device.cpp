#include "bpg/storage/pool/loop_device.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"

namespace bpg::storage {

namespace {

constexpr int loop_major = 7;
constexpr int max_attempts = 64;
/// Direct I/O needs blocks as large as those of the disk below: 4096 suits both kinds there are.
constexpr uint32_t block_bytes = 4096;

fs::path device_path(int number) { return fmt::format("/dev/loop{}", number); }

/// Without udev (in a container) nobody else makes the node of a new device.
UniqueFd open_device(int number) {
  const fs::path path = device_path(number);
  if (!fs::exists(path)) {
    ::mknod(path.c_str(), S_IFBLK | 0660, makedev(loop_major, static_cast<unsigned>(number)));
  }
  return open_file(path, O_RDWR);
}

bool configure(int device, int image, const fs::path& image_path, uint32_t flags) {
  loop_config config{};
  config.fd = static_cast<uint32_t>(image);
  config.block_size = block_bytes;
  config.info.lo_flags = flags;
  const std::string name = image_path.string();
  std::copy_n(name.begin(), std::min(name.size(), size_t{LO_NAME_SIZE} - 1), config.info.lo_file_name);
  return ::ioctl(device, LOOP_CONFIGURE, &config) == 0;
}

}  // namespace

LoopDevice LoopDevice::attach(const fs::path& image) {
  if (auto device = find(image)) {
    return std::move(*device);
  }
  const UniqueFd file = open_file(image, O_RDWR);
  const UniqueFd control = open_file("/dev/loop-control", O_RDWR);
  for (int attempt = 0; attempt < max_attempts; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) {
      throw system_error(errno, "cannot get a loop device");
    }
    if (auto device = attach_to(number, file.get(), image)) {
      return std::move(*device);
    }
  }
  throw Error(ErrorCode::storage, fmt::format("no loop device could be had for {}", image.string()));
}

/// Nothing where somebody else took the device in between.
std::optional<LoopDevice> LoopDevice::attach_to(int number, int image, const fs::path& image_path) {
  UniqueFd device = open_device(number);
  bool attached = configure(device.get(), image, image_path, LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO);
  if (!attached && errno == EINVAL) {
    attached = configure(device.get(), image, image_path, LO_FLAGS_AUTOCLEAR);
  }
  if (attached) {
    return LoopDevice(device_path(number), std::move(device));
  }
  if (errno == EBUSY) {
    return std::nullopt;
  }
  throw system_error(errno, fmt::format("cannot attach {} to {}", image_path.string(), device_path(number).string()));
}

/// Two devices over one image would each cache it, and ruin it. Another mount namespace may have attached it.
std::optional<LoopDevice> LoopDevice::find(const fs::path& image) {
  struct stat status {};
  if (::stat(image.c_str(), &status) != 0) {
    throw system_error(errno, fmt::format("cannot look at {}", image.string()));
  }
  std::error_code error;
  for (fs::directory_iterator entry("/sys/block", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with("loop") || !fs::exists(entry->path() / "loop" / "backing_file")) {
      continue;
    }
    UniqueFd fd(::open(("/dev/" + name).c_str(), O_RDWR | O_CLOEXEC));
    loop_info64 info{};
    if (fd && ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == status.st_ino &&
        info.lo_device == status.st_dev) {
      return LoopDevice("/dev/" + name, std::move(fd));
    }
  }
  return std::nullopt;
}

bool LoopDevice::direct_io() const {
  loop_info64 info{};
  return ::ioctl(m_fd.get(), LOOP_GET_STATUS64, &info) == 0 && (info.lo_flags & LO_FLAGS_DIRECT_IO) != 0;
}

}  // namespace bpg::storage
