#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/engine/doctor_checks.hpp"
#include "bpg/engine/find.hpp"
#include "bpg/engine/waiting_wal.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/session.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::engine {

namespace {

using enum Check::Verdict;

/// The first directory on the way to `path` that the account cannot go through. By modes and groups alone: whatever else grants or
/// denies it, the server's start tells.
std::optional<fs::path> impassable(const fs::path& path, const Account& account) {
  fs::path way;
  for (const fs::path& part : path) {
    way /= part;
    struct stat status {};
    if (::stat(way.c_str(), &status) != 0) {
      return way;
    }
    const bool in_group = status.st_gid == account.gid || std::ranges::find(account.groups, status.st_gid) != account.groups.end();
    const mode_t bit = status.st_uid == account.uid ? S_IXUSR : in_group ? S_IXGRP : S_IXOTH;
    if ((status.st_mode & bit) == 0) {
      return way;
    }
  }
  return std::nullopt;
}

Check examine_way(const char* name, const fs::path& directory, const Account& account) {
  if (const auto barrier = impassable(directory, account)) {
    return {name, missing, fmt::format("account '{}' cannot enter {}", account.name, barrier->string()),
            fmt::format("chmod o+x {}", barrier->string())};
  }
  return {name, ok, directory.string()};
}

Check examine_key(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    return {"key", missing, fmt::format("{} is not there: no password of a branch can be read", file.string()),
            "bring it back from a backup, or name it with BPG_KEY_FILE"};
  }
  if ((status.st_mode & 077) != 0) {
    return {"key", missing, fmt::format("others can read {}", file.string()), fmt::format("chmod 600 {}", file.string())};
  }
  return {"key", ok, file.string()};
}

/// Whether a process holds a lock on the file: without taking one, which would keep a command from it.
class HeldLocks {
 public:
  HeldLocks() : m_locks(read_file_if_exists("/proc/locks").value_or("")) {}

  bool holds(const fs::path& file) const {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
      return false;
    }
    // "1: FLOCK  ADVISORY  WRITE 708 08:01:1837 0 EOF" (proc(5)). The device is the file system's, which stat(2) need not tell.
    const std::string inode = fmt::format(":{}", status.st_ino);
    for (const std::string_view line : split(m_locks, '\n')) {
      for (const std::string_view word : split(line, ' ')) {
        if (word.size() > inode.size() && word.ends_with(inode)) {
          return true;
        }
      }
    }
    return false;
  }

 private:
  std::string m_locks;
};

/// What failed last, where nothing was archived since.
std::optional<std::string> failing_file(const Patient& patient, const Branch& branch) {
  constexpr std::chrono::seconds connect_deadline{2};
  const postgres::Endpoint endpoint{.host = patient.home.socket_directory(branch.volume).string(),
                                    .port = branch.port,
                                    .user = postgres::superuser,
                                    .database = "postgres"};
  try {
    postgres::Session session(endpoint, connect_deadline);
    const auto rows = session.query(
        "SELECT last_failed_wal FROM pg_stat_archiver WHERE last_failed_time > coalesce(last_archived_time, '-infinity')", {},
        connect_deadline);
    return rows.empty() ? std::nullopt : rows[0].at(0);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) {
      throw;
    }
    return std::nullopt;  // one that is stopped archives nothing
  }
}

}  // namespace

std::vector<Check> examine_home(const Patient& patient) {
  std::vector<Check> checks;
  if (patient.account) {
    checks.push_back(examine_way("home", patient.home.data, *patient.account));
    if (fs::exists(patient.location->root)) {
      checks.push_back(examine_way("way to the volumes", patient.location->root, *patient.account));
    }
  }
  checks.push_back(examine_key(patient.home.key_file()));
  return checks;
}

Check examine_interrupted(const Patient& patient) {
  const catalog::Catalog& catalog = *patient.catalog;
  const HeldLocks locks;
  const auto abandoned = [&](const std::string& id) { return !locks.holds(patient.home.lock_file(id)); };
  std::vector<std::string> left;
  for (const State state : {State::creating, State::deleting}) {
    const char* doing = state == State::creating ? "the making" : "the deletion";
    for (const Volume& volume : catalog.volumes.list(state)) {
      if (abandoned(volume.id.str())) {
        const auto branch = catalog.branches.find(volume.branch);
        left.push_back(fmt::format("{} of {}", doing, branch ? subject_of(catalog, branch->id) : volume.id.str()));
      }
    }
    for (const Snapshot& snapshot : catalog.snapshots.list(state)) {
      const auto volume = catalog.volumes.find(snapshot.volume);
      const bool goes_with_a_volume = !catalog.volumes.clones_of(snapshot.id).empty() || (volume && volume->state == state);
      if (!goes_with_a_volume && abandoned(snapshot.id.str())) {
        left.push_back(fmt::format("{} of snapshot {}", doing, snapshot.id.str()));
      }
    }
  }
  for (const Branch& branch : catalog.branches.list_live()) {
    if (branch.switching && abandoned(branch.id.str())) {
      left.push_back(fmt::format("a switch of {}", subject_of(catalog, branch.id)));
    }
  }
  if (left.empty()) {
    return {"interrupted", ok, "no command was interrupted"};
  }
  return {"interrupted", warning, fmt::format("{}: the next command finishes or undoes it", fmt::join(left, ", ")), "bpg status"};
}

Check examine_archives(const Patient& patient) {
  std::vector<std::string> failing;
  size_t archived = 0;
  for (const Branch& branch : patient.catalog->branches.list_live()) {
    const auto volume = patient.catalog->volumes.find(branch.volume);
    if (branch.state != State::ready || !volume || !volume->archived) {
      continue;
    }
    ++archived;
    const fs::path data = patient.location->root / "volumes" / volume->id.str() / "data";
    const uint64_t waiting = waiting_wal(data).files;
    if (const auto file = waiting > 0 ? failing_file(patient, branch) : std::nullopt) {
      failing.push_back(fmt::format("{} cannot archive {} ({} wait)", subject_of(*patient.catalog, branch.id), *file, waiting));
    }
  }
  if (!failing.empty()) {
    return {"WAL archives", missing, fmt::format("{}: pg_wal grows, and the last moments cannot be restored", fmt::join(failing, ", ")),
            "bpg wal info, and bpg logs of that branch"};
  }
  return {"WAL archives", ok, archived == 0 ? "no branch has one" : fmt::format("{}, none failing", archived)};
}

}  // namespace bpg::engine
