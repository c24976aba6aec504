#include "bpg/util/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/random.hpp"

namespace bpg {

void UniqueFd::reset(int fd) {
  if (m_fd >= 0) {
    ::close(m_fd);
  }
  m_fd = fd;
}

UniqueFd open_file(const fs::path& path, int flags, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) {
    throw system_error(errno, fmt::format("cannot open {}", path.string()));
  }
  return fd;
}

namespace {

std::string read_all(int fd, const fs::path& path) {
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count == 0) {
      return content;
    }
    if (count > 0) {
      content.append(buffer, static_cast<size_t>(count));
    } else if (errno != EINTR) {
      throw system_error(errno, fmt::format("cannot read {}", path.string()));
    }
  }
}

void set_owner_and_mode(int fd, const fs::path& path, mode_t mode, const Owner& owner) {
  const Owner unset;
  struct stat status {};
  if (::fstat(fd, &status) == 0 && (status.st_mode & 07777) == mode &&
      (owner.uid == unset.uid || owner.uid == status.st_uid) &&
      (owner.gid == unset.gid || owner.gid == status.st_gid)) {
    return;  // what is right need not be ours to change
  }
  if ((owner.uid != unset.uid || owner.gid != unset.gid) && ::fchown(fd, owner.uid, owner.gid) != 0) {
    throw system_error(errno, fmt::format("cannot change the owner of {}", path.string()));
  }
  if (::fchmod(fd, mode) != 0) {
    throw system_error(errno, fmt::format("cannot change the mode of {}", path.string()));
  }
}

}  // namespace

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string read_file(const fs::path& path) { return read_all(open_file(path, O_RDONLY).get(), path); }

std::optional<std::string> read_file_if_exists(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return std::nullopt;
    }
    throw system_error(errno, fmt::format("cannot open {}", path.string()));
  }
  return read_all(fd.get(), path);
}

void write_all(int fd, std::string_view data, const fs::path& path) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count >= 0) {
      data.remove_prefix(static_cast<size_t>(count));
    } else if (errno != EINTR) {
      throw system_error(errno, fmt::format("cannot write {}", path.string()));
    }
  }
}

void write_file_atomic(const fs::path& path, std::string_view content, const WriteOptions& options) {
  // Nobody guesses the name, and O_EXCL follows no link: the directory may belong to another account.
  const fs::path temporary = fmt::format("{}.{}.tmp", path.string(), random_text(10, "0123456789abcdef"));
  const UniqueFd fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
  try {
    set_owner_and_mode(fd.get(), temporary, options.mode, options.owner);
    write_all(fd.get(), content, temporary);
    if (options.durable && ::fsync(fd.get()) != 0) {
      throw system_error(errno, fmt::format("cannot fsync {}", temporary.string()));
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      throw system_error(errno, fmt::format("cannot rename to {}", path.string()));
    }
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (options.durable) {
    fsync_path(path.has_parent_path() ? path.parent_path() : fs::path("."));
  }
}

void fsync_path(const fs::path& path) {
  if (::fsync(open_file(path, O_RDONLY).get()) != 0) {
    throw system_error(errno, fmt::format("cannot fsync {}", path.string()));
  }
}

void sync_file_system(const fs::path& path) {
  if (::syncfs(open_file(path, O_RDONLY).get()) != 0) {
    throw system_error(errno, fmt::format("cannot sync the file system of {}", path.string()));
  }
}

namespace {

/// Makes one directory; false where something of that name is there already.
bool make_one_directory(const fs::path& path) {
  int result = ::mkdir(path.c_str(), 0700);
  if (result != 0 && errno == ENOENT && path.has_parent_path()) {
    const fs::path parent = path.parent_path();
    if (make_one_directory(parent) && ::chmod(parent.c_str(), 0711) != 0) {
      throw system_error(errno, fmt::format("cannot change the mode of {}", parent.string()));
    }
    result = ::mkdir(path.c_str(), 0700);
  }
  if (result != 0 && errno != EEXIST) {
    throw system_error(errno, fmt::format("cannot create directory {}", path.string()));
  }
  return result == 0;
}

}  // namespace

void make_directory(const fs::path& path, mode_t mode, Owner owner) {
  make_one_directory(path);
  const UniqueFd fd = open_file(path, O_RDONLY | O_DIRECTORY);
  set_owner_and_mode(fd.get(), path, mode, owner);
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) {
    throw system_error(error.value(), fmt::format("cannot remove {}", path.string()));
  }
}

namespace {

/// Whether the file at `path` is still the open one: who held the lock may have removed it.
bool is_still_at(const fs::path& path, const UniqueFd& fd) {
  struct stat by_path {};
  struct stat by_fd {};
  return ::stat(path.c_str(), &by_path) == 0 && ::fstat(fd.get(), &by_fd) == 0 && by_path.st_ino == by_fd.st_ino &&
         by_path.st_dev == by_fd.st_dev;
}

}  // namespace

std::optional<FileLock> FileLock::acquire(const fs::path& path, Mode mode, std::chrono::milliseconds wait) {
  UniqueFd fd = open_file(path, O_RDWR | O_CREAT, 0600);
  const int operation = (mode == Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  const auto deadline = std::chrono::steady_clock::now() + wait;
  for (;;) {
    if (::flock(fd.get(), operation) == 0) {
      if (is_still_at(path, fd)) {
        return FileLock(std::move(fd));
      }
      fd = open_file(path, O_RDWR | O_CREAT, 0600);
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
      throw system_error(errno, fmt::format("cannot lock {}", path.string()));
    }
    throw_if_interrupted();
    if (std::chrono::steady_clock::now() >= deadline) {
      return std::nullopt;
    }
    // flock(2) has no deadline of its own, and a signal-driven one would not be thread-safe.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace bpg
