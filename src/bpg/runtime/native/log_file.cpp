#include "bpg/runtime/native/log_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::runtime {

namespace {

/// Hands out what stands from the file's offset to its end.
void read_rest(int fd, const WriteLog& write) {
  char buffer[65536];
  ssize_t count = 0;
  while ((count = ::read(fd, buffer, sizeof buffer)) > 0) {
    write({buffer, static_cast<size_t>(count)});
  }
}

bool same_file(int fd, const fs::path& path) {
  struct stat open_one {};
  struct stat named {};
  return ::fstat(fd, &open_one) == 0 && ::stat(path.c_str(), &named) == 0 && open_one.st_ino == named.st_ino &&
         open_one.st_dev == named.st_dev;
}

}  // namespace

void read_last_lines(const fs::path& file, size_t count, const WriteLog& write) {
  const std::string text = read_file(file);
  size_t begin = text.size();
  for (size_t lines = 0; begin > 0; --begin) {
    if (text[begin - 1] == '\n' && begin != text.size() && ++lines == count) {
      break;
    }
  }
  if (count > 0) {
    write(std::string_view(text).substr(begin));
  }
}

void follow_file(const fs::path& file, const WriteLog& write) {
  const UniqueFd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes || ::inotify_add_watch(changes.get(), file.parent_path().c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    throw system_error(errno, "cannot watch the log");
  }
  UniqueFd log = open_file(file, O_RDONLY);
  ::lseek(log.get(), 0, SEEK_END);
  for (;;) {
    pollfd polled[2] = {{changes.get(), POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) {
      throw system_error(errno, "cannot poll");
    }
    if (interrupted()) {
      return;
    }
    char events[4096];
    while (::read(changes.get(), events, sizeof events) > 0) {
    }
    read_rest(log.get(), write);
    if (!same_file(log.get(), file)) {
      log = open_file(file, O_RDONLY);
      read_rest(log.get(), write);
    }
  }
}

}  // namespace bpg::runtime
