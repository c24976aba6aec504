#include "bpg/storage/directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::storage {

DirectoryReader::DirectoryReader(int fd, const std::filesystem::path& path) : m_path(path) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy >= 0) {
    m_stream.reset(::fdopendir(copy));
  }
  if (!m_stream) {
    const int error = errno;
    if (copy >= 0) {
      ::close(copy);
    }
    throw system_error(error, fmt::format("cannot read directory {}", path.string()));
  }
}

std::optional<std::string> DirectoryReader::next() {
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(m_stream.get());
    if (!entry) {
      if (errno != 0) {
        throw system_error(errno, fmt::format("cannot read directory {}", m_path.string()));
      }
      return std::nullopt;
    }
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") {
      return std::string(name);
    }
  }
}

std::optional<struct stat> stat_entry(int directory, const std::string& name, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return status;
  }
  if (errno == ENOENT) {
    return std::nullopt;
  }
  throw system_error(errno, fmt::format("cannot look at {}", path.string()));
}

UniqueFd open_entry(int directory, const std::string& name, int flags, const std::filesystem::path& path) {
  UniqueFd fd(::openat(directory, name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno != ENOENT) {
    throw system_error(errno, fmt::format("cannot open {}", path.string()));
  }
  return fd;
}

}  // namespace bpg::storage
