#include "bpg/wal/temporary_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/random.hpp"

namespace bpg::wal {

namespace {

/// renameat2(2) never replaces; where a file system cannot do that, link(2) does not either.
int rename_without_replacing(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return errno;
  }
  if (::link(from.c_str(), to.c_str()) != 0) {
    return errno;
  }
  ::unlink(from.c_str());
  return 0;
}

}  // namespace

TemporaryFile::TemporaryFile(const fs::path& directory, std::string_view name) {
  struct stat status {};
  do {
    m_path = directory / fmt::format("{}.{}", name, random_text(10, "0123456789abcdef"));
    m_fd = open_file(m_path, O_RDWR | O_CREAT | O_EXCL, 0600);
    // Waits for one who clears up and came first: only then does the count of links tell whether it was taken.
    while (::flock(m_fd.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
    if (::fstat(m_fd.get(), &status) != 0) {
      const int error = errno;
      ::unlink(m_path.c_str());
      throw system_error(error, fmt::format("cannot look at {}", m_path.string()));
    }
  } while (status.st_nlink == 0);
}

TemporaryFile::~TemporaryFile() {
  if (!m_published) {
    ::unlink(m_path.c_str());
  }
}

bool TemporaryFile::publish(const fs::path& path) {
  const int error = rename_without_replacing(m_path, path);
  if (error != 0 && error != EEXIST) {
    throw system_error(error, fmt::format("cannot store {}", path.string()));
  }
  m_published = error == 0;
  return m_published;
}

void remove_abandoned_files(const fs::path& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error); !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const UniqueFd fd(::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
      ::unlink(entry->path().c_str());
    }
  }
}

}  // namespace bpg::wal
