#include "bpg/postgres/data_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

#include <fmt/format.h>

#include "bpg/postgres/control_file.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::postgres {

namespace {

constexpr uint64_t megabyte = uint64_t{1} << 20;

/// Whoever can write as the server's account must not lead bpg, which may run as root, elsewhere.
void refuse_link(const fs::path& path) {
  if (fs::is_symlink(path)) {
    throw Error(ErrorCode::refused, fmt::format("{} is a link to {}", path.string(), fs::read_symlink(path).string()),
                "A branch is within its volume: put the directory itself back there, with its server stopped.");
  }
}

void empty_directory(const fs::path& directory) {
  refuse_link(directory);
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing)) {
    remove_tree(entry.path());
  }
}

/// copy_file_range(2) shares the blocks where the file system can.
void copy_segment(const fs::path& from, const fs::path& to, const Account& account) {
  const UniqueFd source = open_file(from, O_RDONLY | O_NOFOLLOW);
  const UniqueFd target = open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
  for (;;) {
    const ssize_t count = ::copy_file_range(source.get(), nullptr, target.get(), nullptr, size_t{1} << 30, 0);
    if (count == 0) {
      break;
    }
    if (count < 0 && errno != EINTR) {
      throw system_error(errno, fmt::format("cannot copy {}", from.string()));
    }
  }
  if (::geteuid() == 0 && ::fchown(target.get(), account.uid, account.gid) != 0) {
    throw system_error(errno, fmt::format("cannot change the owner of {}", to.string()));
  }
  if (::fsync(target.get()) != 0) {
    throw system_error(errno, fmt::format("cannot fsync {}", to.string()));
  }
}

}  // namespace

std::vector<std::string> initdb_options(const ClusterOptions& options) {
  std::vector<std::string> list{"--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-sync"};
  if (options.wal_segment_size) {
    list.push_back(fmt::format("--wal-segsize={}", *options.wal_segment_size / megabyte));
  }
  return list;
}

void make_cluster(const Programs& programs, const fs::path& data_directory, const ClusterOptions& options) {
  std::vector<std::string> argv{"initdb", "--pgdata", data_directory.string(), "--username", superuser, "--auth", "peer"};
  for (const std::string& option : initdb_options(options)) {
    argv.push_back(option);
  }
  run_checked(programs, argv, data_directory.parent_path());
}

uint64_t parse_wal_segment_size(const std::string& text) {
  const auto bytes = parse_bytes(text);
  if (!bytes || !std::has_single_bit(*bytes) || *bytes < megabyte || *bytes > 1024 * megabyte) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not a size that WAL segments can have", text),
                "It is a power of two from 1MB to 1GB: 1MB, 2MB, 4MB and so on. PostgreSQL's own is 16MB.");
  }
  return *bytes;
}

void refuse_outside_tablespaces(const fs::path& data_directory) {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(data_directory / "pg_tblspc", missing)) {
    if (entry.is_symlink()) {
      throw Error(ErrorCode::refused,
                  fmt::format("the cluster has a tablespace outside its volume, at {}",
                              fs::read_symlink(entry.path()).string()),
                  "Move its tables into the default tablespace (ALTER TABLE … SET TABLESPACE pg_default) and drop it.");
    }
  }
}

std::vector<std::string> skipped_files() {
  return {"postmaster.pid", "postmaster.opts", "standby.signal", "recovery.signal", "backup_label", "tablespace_map"};
}

std::vector<std::string> skipped_directory_contents() {
  return {"pg_wal",      "pg_replslot", "pg_dynshmem", "pg_notify",
          "pg_serial",   "pg_snapshots", "pg_stat_tmp", "pg_subtrans"};
}

void complete_copy(const fs::path& source, const fs::path& copy, Lsn start_lsn, const OnlineBackup::Stop& stop,
                   const Account& account) {
  const ControlFile control = read_control_file(source);
  const WriteOptions mine{.mode = 0600, .owner = {account.uid, account.gid}};
  const Owner owner{account.uid, account.gid};
  refuse_link(source / "pg_wal");
  refuse_link(copy / "pg_wal");
  make_directory(copy / "pg_wal", 0700, owner);
  make_directory(copy / "pg_wal" / "archive_status", 0700, owner);
  const uint64_t last = last_segment_before(stop.stop_lsn, control.wal_segment_size);
  for (uint64_t number = segment_of(start_lsn, control.wal_segment_size); number <= last; ++number) {
    const std::string name = segment_name(control.timeline, number, control.wal_segment_size);
    copy_segment(source / "pg_wal" / name, copy / "pg_wal" / name, account);
  }
  for (const auto& entry : fs::directory_iterator(source / "pg_wal")) {
    if (entry.path().extension() == ".history") {
      write_file_atomic(copy / "pg_wal" / entry.path().filename(), read_file(entry.path()), mine);
    }
  }
  write_file_atomic(copy / "backup_label", stop.backup_label, mine);
  if (!stop.tablespace_map.empty()) {
    write_file_atomic(copy / "tablespace_map", stop.tablespace_map, mine);
  }
  copy_control_file_needing_label(source, copy);
}

void forget_source(const fs::path& data_directory) {
  refuse_link(data_directory);
  refuse_link(data_directory / "pg_wal");
  for (const char* name : {"postmaster.pid", "postmaster.opts", "standby.signal", "recovery.signal"}) {
    remove_tree(data_directory / name);
  }
  empty_directory(data_directory / "pg_replslot");
  empty_directory(data_directory / "pg_wal" / "archive_status");
}

}  // namespace bpg::postgres
