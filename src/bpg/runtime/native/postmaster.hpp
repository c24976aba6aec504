#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace bpg::runtime {

/// What a server says of itself in postmaster.pid (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*).
struct PostmasterFile {
  pid_t pid = 0;
  std::string status;  ///< "starting", "ready", "standby", "stopping"; empty early on
};

std::optional<PostmasterFile> read_postmaster_file(const std::filesystem::path& data_directory);

/// Is this process, alive, a server of that data directory? It works in it (proc(5), cwd), which a process that
/// got the number of a server that died does not.
bool serves(pid_t pid, const std::filesystem::path& data_directory);

/// Does any process at all work in that data directory: a server, or what a killed one left behind?
bool anyone_works_in(const std::filesystem::path& data_directory);

}  // namespace bpg::runtime
