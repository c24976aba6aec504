// bpg-log: keeps the log of one server within bounds. Reads standard input to its end and appends it to FILE; at
// 8 MB FILE becomes FILE.1, so that at most 16 MB stand on disk. Small and on its own, because one runs beside each
// server, also after bpg was upgraded or removed. Ends when the last process of the server has closed its end.
//
// usage: bpg-log FILE

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <initializer_list>

namespace {

constexpr off_t largest = off_t{8} << 20;

int open_log(const char* path) { return ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600); }

off_t size_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? info.st_size : 0;
}

/// A line that cannot be written (full disk) is lost: the server must never wait for its log.
void write_all(int fd, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t count = ::write(fd, data, static_cast<size_t>(size));
    if (count < 0 && errno != EINTR) {
      return;
    }
    if (count > 0) {
      data += count;
      size -= count;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  char previous[PATH_MAX];
  if (argc != 2 || std::snprintf(previous, sizeof previous, "%s.1", argv[1]) >= PATH_MAX) {
    std::fputs("usage: bpg-log FILE\n", stderr);
    return 2;
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::signal(signal, SIG_IGN);
  }
  int log = open_log(argv[1]);
  static char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      return 0;
    }
    if (log >= 0 && size_of(log) + count > largest) {
      ::rename(argv[1], previous);
      ::close(log);
      log = open_log(argv[1]);
    }
    if (log >= 0) {
      write_all(log, buffer, count);
    }
  }
}
