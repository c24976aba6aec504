#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bpg/postgres/online_backup.hpp"
#include "bpg/postgres/programs.hpp"

namespace bpg::postgres {

/// The superuser of every cluster; reached only through the private socket.
inline constexpr const char* superuser = "postgres";

/// What cannot be changed later.
struct ClusterOptions {
  std::optional<uint64_t> wal_segment_size{};  ///< in bytes: a power of two from 1 MB to 1 GB; initdb's own (16 MB) where it is not given
};

/// What initdb is told of every new cluster, whoever runs it: UTF-8, the C locale's order, data checksums; it syncs nothing.
std::vector<std::string> initdb_options(const ClusterOptions& options = {});

/// Makes a new cluster (initdb) with UTF-8, the C locale's order and data checksums. Not yet durable.
void make_cluster(const Programs& programs, const std::filesystem::path& data_directory, const ClusterOptions& options = {});

/// "1MB" to "1GB", a power of two: what segments can be. Throws `Error{usage}`.
uint64_t parse_wal_segment_size(const std::string& text);

/// Throws `Error{refused}` where the cluster has tablespaces outside its data directory, which no snapshot of the
/// volume holds.
void refuse_outside_tablespaces(const std::filesystem::path& data_directory);

/// Files and directories (relative to the data directory) whose content a file-by-file copy of a running server
/// leaves out, as pg_basebackup does (basebackup.c, excludeFiles and excludeDirContents); pg_wal comes along
/// in `complete_copy`.
std::vector<std::string> skipped_files();
std::vector<std::string> skipped_directory_contents();

/// Completes a file-by-file copy that was made in backup mode: its backup_label and tablespace_map, byte for
/// byte; the WAL from start to stop; the histories of timelines, which a recovery asks for and which may not be in the archive
/// yet (basebackup.c sends them all, too); a control file that does not start without the label.
void complete_copy(const std::filesystem::path& source, const std::filesystem::path& copy, Lsn start_lsn,
                   const OnlineBackup::Stop& stop, const Account& account);

/// Makes a clone fit for its first start: no lock file, no signal file, no replication slot and no archive status
/// of its source.
void forget_source(const std::filesystem::path& data_directory);

}  // namespace bpg::postgres
