#include "bpg/storage/reflink/reflink.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include <fmt/format.h>

#include "bpg/storage/extents.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/random.hpp"

namespace bpg::storage {

namespace {

/// FICLONE as ioctl_ficlonerange(2) tells it, with what its errors mean.
void clone_content(const FilePair& files) {
  if (::ioctl(files.target, FICLONE, files.source) == 0) {
    return;
  }
  const int reason = errno;
  const Error error = system_error(reason, fmt::format("cannot clone {}", files.path.string()));
  switch (reason) {
    case EOPNOTSUPP:
    case ENOTTY:
      throw Error(ErrorCode::storage, error.message(),
                  "The file system has no reflinks: XFS (reflink=1), Btrfs and bcachefs have.");
    case EINVAL:
      throw Error(ErrorCode::storage, error.message(),
                  "One of the two may be without copy-on-write (chattr +C): make both alike.");
    default:
      throw error;
  }
}

/// Watches the clones of a tree until one of them is seen to share its blocks.
class SharingCheck {
 public:
  void look_at(const FilePair& files) {
    if (m_shared) {
      return;
    }
    const Extents extents = extents_of(files.target, files.path);
    if (extents.shared_bytes > 0) {
      m_shared = true;
    } else if (extents.written_bytes > 0) {
      m_unshared = true;
    }
  }

  bool failed() const { return m_unshared && !m_shared; }

 private:
  std::atomic<bool> m_shared = false;
  std::atomic<bool> m_unshared = false;
};

/// A file that goes when it is closed.
UniqueFd probe_file(const fs::path& directory) {
  const fs::path path = directory / fmt::format(".bpg-probe-{}", random_text(10, "0123456789abcdef"));
  UniqueFd fd = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  ::unlink(path.c_str());
  return fd;
}

}  // namespace

void reflink_tree(const fs::path& source, const fs::path& target, const CopyRules& rules) {
  SharingCheck sharing;
  copy_tree(source, target, rules, [&sharing](const FilePair& files) {
    clone_content(files);
    sharing.look_at(files);
  });
  if (sharing.failed()) {
    throw Error(ErrorCode::storage, fmt::format("the files in {} share no blocks with their clones", source.string()),
                "The file system copies where it is asked to clone: use another, or 'bpg init --storage copy'.");
  }
}

std::string why_no_reflink(const fs::path& directory) {
  try {
    const UniqueFd source = probe_file(directory);
    const UniqueFd target = probe_file(directory);
    write_all(source.get(), std::string(size_t{64} << 10, 'x'), directory);
    if (::fsync(source.get()) != 0) {
      throw system_error(errno, "cannot fsync");
    }
    clone_content({source.get(), target.get(), directory});
    return extents_of(target.get(), directory).shared_bytes > 0 ? "" : "cloned files share no blocks";
  } catch (const Error& error) {
    return error.message();
  }
}

}  // namespace bpg::storage
