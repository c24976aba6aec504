#pragma once

#include <filesystem>
#include <string_view>

#include "bpg/util/fd.hpp"

namespace bpg::wal {

namespace fs = std::filesystem;

/// A file that is being written, in a directory for such: it goes with this object unless it was published. It is
/// locked while somebody is at work on it, so that what the dead left can be told and removed.
class TemporaryFile {
 public:
  TemporaryFile(const fs::path& directory, std::string_view name);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  int fd() const { return m_fd.get(); }
  const fs::path& path() const { return m_path; }

  /// Gives the file its final name. False where that name is taken: it is never replaced.
  bool publish(const fs::path& path);

 private:
  fs::path m_path;
  UniqueFd m_fd;
  bool m_published = false;
};

/// Removes the files in `directory` that nobody is at work on any more.
void remove_abandoned_files(const fs::path& directory);

}  // namespace bpg::wal
