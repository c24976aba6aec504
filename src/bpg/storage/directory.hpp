#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "bpg/util/fd.hpp"

namespace bpg::storage {

/// The entries of a directory that is open as a descriptor.
class DirectoryReader {
 public:
  /// Leaves `fd` open; the descriptor's position is shared.
  DirectoryReader(int fd, const std::filesystem::path& path);

  /// The next name besides "." and "..".
  std::optional<std::string> next();

 private:
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  std::unique_ptr<DIR, Close> m_stream;
  std::filesystem::path m_path;
};

/// fstatat(2) without following links; nothing where the entry has vanished.
std::optional<struct stat> stat_entry(int directory, const std::string& name, const std::filesystem::path& path);

/// openat(2) without following links; an empty descriptor where the entry has vanished.
UniqueFd open_entry(int directory, const std::string& name, int flags, const std::filesystem::path& path);

}  // namespace bpg::storage
