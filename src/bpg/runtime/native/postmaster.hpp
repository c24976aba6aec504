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
/// got the number of a server that died does not. Where that may not be looked at (a container without
/// CAP_SYS_PTRACE), its command line must name the directory.
bool serves(pid_t pid, const std::filesystem::path& data_directory);

/// The name of the WAL file that a server's startup process is at, as its title says (xlogrecovery.c, set_ps_display). Nothing
/// where it is at none, or that cannot be seen.
std::optional<std::string> recovering_file(pid_t postmaster);

/// Does any process at all work in that data directory: a server, or what a killed one left behind? `identity` is
/// the server's cluster_name, which is in the titles of all its processes.
bool anyone_works_in(const std::filesystem::path& data_directory, const std::string& identity);

}  // namespace bpg::runtime
