#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bpg/util/fd.hpp"

namespace bpg {

namespace fs = std::filesystem;

/// Who owns what is written. The default leaves files with the user who runs bpg.
struct Owner {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

struct WriteOptions {
  mode_t mode = 0644;
  Owner owner{};
  bool durable = true;  ///< fsync the file and its directory before returning
};

/// Opens with O_CLOEXEC; throws `system_error` naming the path.
UniqueFd open_file(const fs::path& path, int flags, mode_t mode = 0);

/// Whether there is something at `path`; false, too, where it cannot be looked for.
bool is_there(const fs::path& path);

/// The whole file; throws where it cannot be read.
std::string read_file(const fs::path& path);

/// The whole file, or nothing where there is none.
std::optional<std::string> read_file_if_exists(const fs::path& path);

/// Replaces `path` with `content`: a crash leaves the old file or the new one (temporary name, fsync, rename,
/// fsync of the directory).
void write_file_atomic(const fs::path& path, std::string_view content, const WriteOptions& options = {});

/// Writes all of `data`, over short writes and EINTR.
void write_all(int fd, std::string_view data, const fs::path& path);

void fsync_path(const fs::path& path);

/// Makes everything that was written to the file system of `path` durable (syncfs(2)).
void sync_file_system(const fs::path& path);

/// Makes the directory with this mode and owner, whatever the umask; parents are made with 0711. An existing
/// directory gets mode and owner.
void make_directory(const fs::path& path, mode_t mode, Owner owner = {});

/// Removes the tree at `path` if it is there. Never follows symbolic links.
void remove_tree(const fs::path& path);

/// An advisory lock on a file (flock(2)): released when this object or its process goes.
class FileLock {
 public:
  enum class Mode { shared, exclusive };

  /// Waits at most `wait` for the lock; nothing where it stayed taken. Creates the file (0600). Who holds the lock
  /// may remove the file: those who wait for it then lock the next file of that name.
  static std::optional<FileLock> acquire(const fs::path& path, Mode mode, std::chrono::milliseconds wait);

 private:
  explicit FileLock(UniqueFd fd) : m_fd(std::move(fd)) {}
  UniqueFd m_fd;
};

}  // namespace bpg
