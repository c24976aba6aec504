#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace bpg::runtime {

/// What a server says of itself in postmaster.pid (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*).
struct PostmasterFile {
  pid_t pid = 0;       ///< as the server itself numbers it: 1 where it is the first process of a container
  std::string status;  ///< "starting", "ready", "standby", "stopping"; empty early on
};

std::optional<PostmasterFile> read_postmaster_file(const std::filesystem::path& data_directory);

/// The number of a process in the innermost namespace that it is in (proc(5), NSpid), which is what it calls itself. Its number
/// here where that cannot be seen.
pid_t own_number(pid_t pid);

/// The number, here, of the live postmaster of that data directory that calls itself `own`. Looks at all processes.
std::optional<pid_t> find_postmaster(const std::filesystem::path& data_directory, pid_t own);

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
