#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/engine/doctor_checks.hpp"
#include "bpg/postgres/installation.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::engine {

namespace {

using enum Check::Verdict;

/// PostgreSQL itself refuses to start with fewer than max_files_per_process needs at least (fd.c, FD_MINFREE), and reopens files all
/// the time with few more.
constexpr rlim_t few_files = 1024;
/// Parallel queries and hash joins take theirs from there.
constexpr uint64_t little_shared_memory = uint64_t{256} << 20;
/// A server takes about 50 MB before it does anything.
constexpr uint64_t little_memory = uint64_t{512} << 20;

/// "MemAvailable:   12345 kB"
std::optional<uint64_t> meminfo(std::string_view key) {
  const auto text = read_file_if_exists("/proc/meminfo");
  for (const std::string_view line : split(text ? std::string_view(*text) : std::string_view(), '\n')) {
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':') {
      const std::string_view rest = trim(line.substr(key.size() + 1));
      uint64_t kilobytes = 0;
      std::from_chars(rest.data(), rest.data() + rest.size(), kilobytes);
      return kilobytes << 10;
    }
  }
  return std::nullopt;
}

Check examine_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < few_files) {
    return {"open files", warning, fmt::format("a process may open {}: servers would open and close files all the time", limit.rlim_cur),
            fmt::format("ulimit -n {}", few_files)};
  }
  return {"open files", ok, limit.rlim_cur == RLIM_INFINITY ? "no limit" : fmt::format("{} for a process", limit.rlim_cur)};
}

Check examine_shared_memory() {
  struct statvfs status {};
  if (::statvfs("/dev/shm", &status) != 0) {
    return {"shared memory", missing, "there is no /dev/shm, where PostgreSQL keeps some", "mount -t tmpfs tmpfs /dev/shm"};
  }
  const uint64_t free = uint64_t{status.f_bavail} * status.f_frsize;
  if (free < little_shared_memory) {
    return {"shared memory", warning, fmt::format("only {} are free in /dev/shm: parallel queries may fail", format_bytes(free)),
            "mount -o remount,size=1G /dev/shm"};
  }
  return {"shared memory", ok, fmt::format("{} are free in /dev/shm", format_bytes(free))};
}

Check examine_memory() {
  const auto available = meminfo("MemAvailable");
  if (!available) {
    return {"memory", warning, "the kernel does not say how much there is"};
  }
  if (*available < little_memory) {
    return {"memory", warning, fmt::format("only {} are available", format_bytes(*available)), "bpg stop the branches that nobody needs now"};
  }
  return {"memory", ok, fmt::format("{} are available", format_bytes(*available))};
}

std::string of_package(int major) { return fmt::format("apt-get install postgresql-{}", major); }

}  // namespace

std::vector<Check> examine_postgres(const Patient& patient) {
  const auto installations = postgres::find_installations(patient.config.bin_dirs);
  if (installations.empty() && runs_in_containers(patient)) {
    return {{"postgresql", ok, "no server is installed; databases run in containers"}};
  }
  if (installations.empty()) {
    return {{"postgresql", missing, "no server is installed", "apt-get install postgresql"}};
  }
  std::vector<Check> checks;
  std::set<int> majors;
  for (const auto& installation : installations) {
    majors.insert(installation.major);
    checks.push_back({fmt::format("postgresql {}", installation.major), ok, installation.bin_dir.string()});
  }
  std::set<int> wanted;
  if (patient.catalog) {
    for (const Database& database : patient.catalog->databases.list_live()) {
      if (!database.image && !majors.contains(database.pg_major) && wanted.insert(database.pg_major).second) {
        checks.push_back({fmt::format("postgresql {}", database.pg_major), missing,
                          fmt::format("not installed, and database '{}' is of it", database.name), of_package(database.pg_major)});
      }
    }
  }
  if (const auto psql = postgres::find_client("psql", patient.config.bin_dirs, *majors.rbegin())) {
    checks.push_back({"psql", ok, psql->program.string()});
  } else {
    checks.push_back({"psql", warning, "not installed: 'bpg connect' needs it",
                      fmt::format("apt-get install postgresql-client-{}", *majors.rbegin())});
  }
  return checks;
}

Check examine_account(const Patient& patient) {
  if (runs_in_containers(patient)) {
    return {"account", ok, "servers in containers run as their images say"};
  }
  if (patient.account) {
    return {"account", ok, fmt::format("servers run as '{}'", patient.account->name)};
  }
  const std::string& name = patient.config.native_user;
  if (find_account(name)) {
    return {"account", missing, fmt::format("native.user is '{}', which is root: PostgreSQL does not run as root", name),
            "bpg config set native.user postgres"};
  }
  return {"account", missing, fmt::format("there is no account '{}' for servers to run as", name),
          fmt::format("useradd --system {}", name)};
}

std::vector<Check> examine_limits() { return {examine_open_files(), examine_shared_memory(), examine_memory()}; }

Check examine_clock(const Patient& patient) {
  const Time now = system_clock().now();
  if (patient.catalog) {
    Time newest{};
    for (const Volume& volume : patient.catalog->volumes.list()) {
      newest = std::max(newest, volume.created_at);
    }
    if (newest > now) {
      return {"clock", warning,
              fmt::format("it says {}, but something was made at {}: moments and retention windows are wrong", to_rfc3339(now),
                          to_rfc3339(newest)),
              "set the clock: timedatectl set-ntp true"};
    }
  }
  timex state{};
  if (::adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
    return {"clock", warning, fmt::format("{}; nothing keeps it right, so that the times of moments may be off", to_rfc3339(now)),
            "timedatectl set-ntp true"};
  }
  return {"clock", ok, fmt::format("{}, kept right", to_rfc3339(now))};
}

}  // namespace bpg::engine
