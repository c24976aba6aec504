#include "bpg/storage/tree_copy.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bpg/storage/directory.hpp"
#include "bpg/storage/parallel.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::storage {

namespace {

/// One directory on both sides. Shared by the walk and the tasks of its files: the last of them closes it.
struct DirectoryPair {
  UniqueFd source;
  UniqueFd target;
  fs::path relative;
};
using DirectoryHandle = std::shared_ptr<const DirectoryPair>;

void check(int result, std::string_view doing, const fs::path& path) {
  if (result != 0) {
    throw system_error(errno, fmt::format("cannot {} {}", doing, path.string()));
  }
}

/// Only root may give files away; who is not root owns what he copies anyway.
void check_owner(int result, const fs::path& path) {
  if (result != 0 && (errno != EPERM || ::geteuid() == 0)) {
    throw system_error(errno, fmt::format("cannot change the owner of {}", path.string()));
  }
}

constexpr mode_t mode_while_copied = 0600;

/// Small files go to a worker together: handing over a task costs about as much as cloning a file.
constexpr size_t files_per_task = 16;
constexpr off_t bytes_per_task = off_t{1} << 20;

struct Batch {
  DirectoryHandle directory;
  std::vector<std::string> names{};
  off_t bytes = 0;
};

class TreeCopy {
 public:
  TreeCopy(const fs::path& source, const fs::path& target, const CopyRules& rules, const CopyContent& copy_content)
      : m_source(source),
        m_target(target),
        m_skip(rules.skip.begin(), rules.skip.end()),
        m_skip_contents(rules.skip_contents.begin(), rules.skip_contents.end()),
        m_copy_content(copy_content) {}

  void run() {
    UniqueFd source = open_file(m_source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    struct stat status {};
    check(::fstat(source.get(), &status), "look at", m_source);
    check(::mkdir(m_target.c_str(), 0700), "create directory", m_target);
    m_directories.emplace_back(fs::path(), status);
    UniqueFd target = open_file(m_target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    walk(std::make_shared<const DirectoryPair>(std::move(source), std::move(target), fs::path()));
    m_workers.finish();
    make_hard_links();
    finish_directories();
    sync_file_system(m_target);
    fsync_path(m_target.parent_path());
  }

 private:
  void walk(const DirectoryHandle& directory) {
    DirectoryReader reader(directory->source.get(), m_source / directory->relative);
    Batch batch{directory};
    while (const auto name = reader.next()) {
      const fs::path relative = directory->relative / *name;
      if (!m_skip.contains(relative.string())) {
        copy_entry(batch, *name, relative);
      }
    }
    submit(batch);
  }

  void copy_entry(Batch& batch, const std::string& name, const fs::path& relative) {
    const DirectoryHandle& directory = batch.directory;
    const auto status = stat_entry(directory->source.get(), name, m_source / relative);
    if (!status) {
      return;
    }
    if (S_ISDIR(status->st_mode)) {
      copy_directory(directory, name, relative);
    } else if (S_ISLNK(status->st_mode)) {
      copy_link(*directory, name, *status, m_source / relative);
    } else if (S_ISREG(status->st_mode) && !is_repeated_link(*status, relative)) {
      batch.names.push_back(name);
      batch.bytes += status->st_size;
      if (batch.names.size() >= files_per_task || batch.bytes >= bytes_per_task) {
        submit(batch);
      }
    }
  }

  void submit(Batch& batch) {
    m_workers.add([this, full = std::exchange(batch, Batch{batch.directory})] {
      for (const std::string& name : full.names) {
        copy_file(*full.directory, name);
      }
    });
  }

  void copy_directory(const DirectoryHandle& parent, const std::string& name, const fs::path& relative) {
    UniqueFd source = open_entry(parent->source.get(), name, O_RDONLY | O_DIRECTORY, m_source / relative);
    if (!source) {
      return;
    }
    struct stat status {};
    check(::fstat(source.get(), &status), "look at", m_source / relative);
    check(::mkdirat(parent->target.get(), name.c_str(), 0700), "create directory", m_target / relative);
    m_directories.emplace_back(relative, status);
    if (m_skip_contents.contains(relative.string())) {
      return;
    }
    UniqueFd target = open_entry(parent->target.get(), name, O_RDONLY | O_DIRECTORY, m_target / relative);
    walk(std::make_shared<const DirectoryPair>(std::move(source), std::move(target), relative));
  }

  void copy_link(const DirectoryPair& directory, const std::string& name, const struct stat& status,
                 const fs::path& path) const {
    char text[PATH_MAX];
    const ssize_t length = ::readlinkat(directory.source.get(), name.c_str(), text, sizeof text);
    if (length < 0 && errno == ENOENT) {
      return;
    }
    if (length < 0 || length == ssize_t{sizeof text}) {
      throw system_error(length < 0 ? errno : ENAMETOOLONG, fmt::format("cannot read link {}", path.string()));
    }
    const std::string aim(text, static_cast<size_t>(length));
    const int target = directory.target.get();
    check(::symlinkat(aim.c_str(), target, name.c_str()), "copy link", path);
    check_owner(::fchownat(target, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW), path);
    const timespec times[2] = {status.st_atim, status.st_mtim};
    check(::utimensat(target, name.c_str(), times, AT_SYMLINK_NOFOLLOW), "set the time of the copy of", path);
  }

  /// On a worker's thread.
  void copy_file(const DirectoryPair& directory, const std::string& name) const {
    throw_if_interrupted();
    const fs::path relative = directory.relative / name;
    const fs::path path = m_source / relative;
    const UniqueFd source = open_entry(directory.source.get(), name, O_RDONLY, path);
    struct stat status {};
    if (!source || ::fstat(source.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
      return;
    }
    const UniqueFd target(::openat(directory.target.get(), name.c_str(),
                                   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_while_copied));
    check(target ? 0 : -1, "create", m_target / relative);
    m_copy_content({source.get(), target.get(), path});
    check_owner(::fchown(target.get(), status.st_uid, status.st_gid), m_target / relative);
    if ((status.st_mode & 07777) != mode_while_copied) {  // each change is a transaction of its own
      check(::fchmod(target.get(), status.st_mode & 07777), "change the mode of", m_target / relative);
    }
    const timespec times[2] = {status.st_atim, status.st_mtim};
    check(::futimens(target.get(), times), "set the time of", m_target / relative);
  }

  bool is_repeated_link(const struct stat& status, const fs::path& relative) {
    if (status.st_nlink < 2) {
      return false;
    }
    const auto [first, fresh] = m_linked.try_emplace({status.st_dev, status.st_ino}, relative);
    if (!fresh) {
      m_hard_links.emplace_back(first->second, relative);
    }
    return !fresh;
  }

  void make_hard_links() const {
    for (const auto& [first, other] : m_hard_links) {
      if (::link((m_target / first).c_str(), (m_target / other).c_str()) != 0 && errno != ENOENT) {
        throw system_error(errno, fmt::format("cannot link {}", (m_target / other).string()));
      }
    }
  }

  /// Children first: the top stays closed to everybody else until all below it is right.
  void finish_directories() const {
    for (auto entry = m_directories.rbegin(); entry != m_directories.rend(); ++entry) {
      const auto& [relative, status] = *entry;
      const fs::path path = relative.empty() ? m_target : m_target / relative;
      check_owner(::lchown(path.c_str(), status.st_uid, status.st_gid), path);
      check(::chmod(path.c_str(), status.st_mode & 07777), "change the mode of", path);
      const timespec times[2] = {status.st_atim, status.st_mtim};
      check(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), "set the time of", path);
    }
  }

  const fs::path m_source;
  const fs::path m_target;
  const std::set<std::string> m_skip;
  const std::set<std::string> m_skip_contents;
  const CopyContent& m_copy_content;
  std::vector<std::pair<fs::path, struct stat>> m_directories;
  std::map<std::pair<dev_t, ino_t>, fs::path> m_linked;
  std::vector<std::pair<fs::path, fs::path>> m_hard_links;
  Workers m_workers;  // last: its threads end before what they use goes
};

}  // namespace

void copy_tree(const fs::path& source, const fs::path& target, const CopyRules& rules,
               const CopyContent& copy_content) {
  TreeCopy(source, target, rules, copy_content).run();
}

}  // namespace bpg::storage
