#pragma once

#include <filesystem>
#include <optional>

#include "bpg/util/fd.hpp"

namespace bpg::storage {

/// A loop device with a file behind it. It detaches itself when the last user (this object, a mount) has gone.
class LoopDevice {
 public:
  /// The device that has `image` behind it already, or a new one, with direct I/O where the file system permits.
  static LoopDevice attach(const std::filesystem::path& image);

  const std::filesystem::path& path() const { return m_path; }
  bool direct_io() const;

 private:
  LoopDevice(std::filesystem::path path, UniqueFd fd) : m_path(std::move(path)), m_fd(std::move(fd)) {}
  static std::optional<LoopDevice> find(const std::filesystem::path& image);
  static std::optional<LoopDevice> attach_to(int number, int image, const std::filesystem::path& image_path);

  std::filesystem::path m_path;
  UniqueFd m_fd;
};

}  // namespace bpg::storage
