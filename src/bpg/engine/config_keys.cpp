#include <unistd.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "bpg/engine/config.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"
#include "bpg/util/time_zone.hpp"

namespace bpg::engine {

namespace {

std::optional<std::pair<int, int>> parse_ports(std::string_view text) {
  const auto parts = split(text, '-');
  int ends[2] = {0, 0};
  if (parts.size() != 2) {
    return std::nullopt;
  }
  for (size_t i = 0; i < 2; ++i) {
    const char* end = parts[i].data() + parts[i].size();
    const auto [stop, error] = std::from_chars(parts[i].data(), end, ends[i]);
    if (error != std::errc{} || stop != end) {
      return std::nullopt;
    }
  }
  return ends[0] >= 1024 && ends[0] <= ends[1] && ends[1] <= 65535 ? std::optional(std::pair(ends[0], ends[1])) : std::nullopt;
}

std::optional<int> parse_count(std::string_view text) {
  int count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  return error == std::errc{} && stop == end && count >= 1 ? std::optional(count) : std::nullopt;
}

std::optional<double> parse_cpus(std::string_view text) {
  double cpus = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, cpus, std::chars_format::fixed);
  return error == std::errc{} && stop == end && cpus >= 0.01 && cpus <= 4096 ? std::optional(cpus) : std::nullopt;
}

template <class Field, class Value>
bool assign(Field& field, const std::optional<Value>& value) {
  if (value) {
    field = *value;
  }
  return value.has_value();
}

ConfigValue one(std::string text) { return {.items = {std::move(text)}}; }

/// In the largest unit that says it exactly.
std::string exact_duration(std::chrono::seconds duration) {
  const auto count = duration.count();
  for (const auto& [unit, seconds] : {std::pair('d', 86400), std::pair('h', 3600), std::pair('m', 60)}) {
    if (count > 0 && count % seconds == 0 && count > seconds) {
      return fmt::format("{}{}", count / seconds, unit);
    }
  }
  return fmt::format("{}s", count);
}

std::string exact_bytes(uint64_t bytes) {
  for (const auto& [unit, shift] : {std::pair('G', 30), std::pair('M', 20), std::pair('K', 10)}) {
    if (bytes > 0 && bytes % (uint64_t{1} << shift) == 0) {
      return fmt::format("{}{}", bytes >> shift, unit);
    }
  }
  return fmt::format("{}", bytes);
}

}  // namespace

std::string ConfigKey::environment() const {
  std::string variable = "BPG_" + name;
  std::ranges::transform(variable, variable.begin(), [](char c) {
    return c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return variable;
}

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> table{
      {.name = "docker.cpus",
       .form = "a number of cores such as 2 or 0.5, or unlimited",
       .effect = "How many cores a branch's container may use; containers take it at their next start",
       .read =
           [](Config& config, const ConfigValue& value) {
             const auto cpus = parse_cpus(value.items[0]);
             config.docker_cpus = cpus.value_or(0);
             return cpus || value.items[0] == "unlimited";
           },
       .write = [](const Config& config) { return one(config.docker_cpus > 0 ? fmt::format("{}", config.docker_cpus) : "unlimited"); }},
      {.name = "docker.host",
       .form = "default, or a Unix socket such as unix:///run/podman/podman.sock",
       .effect = "Where Docker's engine, or Podman's service, listens; default: DOCKER_HOST, or else Docker's own socket",
       .read =
           [](Config& config, const ConfigValue& value) {
             config.docker_host = value.items[0] == "default" ? "" : value.items[0];
             return config.docker_host.empty() || config.docker_host.starts_with("unix:///");
           },
       .write = [](const Config& config) { return one(config.docker_host.empty() ? "default" : config.docker_host); }},
      {.name = "docker.memory",
       .form = "a size of at least 64M such as 2G, or unlimited",
       .effect = "How much memory a branch's container may use; containers take it at their next start",
       .read =
           [](Config& config, const ConfigValue& value) {
             if (value.items[0] == "unlimited") {
               config.docker_memory_bytes = 0;
               return true;
             }
             return assign(config.docker_memory_bytes, parse_bytes(value.items[0])) && config.docker_memory_bytes >= uint64_t{64} << 20;
           },
       .write = [](const Config& config) {
         return one(config.docker_memory_bytes > 0 ? exact_bytes(config.docker_memory_bytes) : "unlimited");
       }},
      {.name = "docker.network",
       .form = "host, or the name of a network of Docker's",
       .effect = "The network of a branch's container; in one of its own, other containers there reach it, and its port is published on "
                 "loopback",
       .read =
           [](Config& config, const ConfigValue& value) {
             config.docker_network = value.items[0];
             return !config.docker_network.empty();
           },
       .write = [](const Config& config) { return one(config.docker_network); }},
      {.name = "docker.shm_size",
       .form = "a size of at least 1M such as 64M or 1G",
       .effect = "The size of /dev/shm in a branch's container, which parallel queries use; containers take it at their next start",
       .read =
           [](Config& config, const ConfigValue& value) {
             return assign(config.docker_shm_bytes, parse_bytes(value.items[0])) && config.docker_shm_bytes >= uint64_t{1} << 20;
           },
       .write = [](const Config& config) { return one(exact_bytes(config.docker_shm_bytes)); }},
      {.name = "exec.max_running",
       .form = "a number, 1 or more, or auto",
       .effect = "How many bpg exec run at once before the next wait for their turn; auto: four for each core and at least 16, fewer "
                 "where there are not 256 MB of memory for each",
       .read =
           [](Config& config, const ConfigValue& value) {
             config.max_running_execs = parse_count(value.items[0]);
             return config.max_running_execs || value.items[0] == "auto";
           },
       .write =
           [](const Config& config) {
             return one(config.max_running_execs ? fmt::format("{}", *config.max_running_execs) : "auto");
           }},
      {.name = "lock.wait",
       .form = "a duration such as 10s",
       .effect = "How long a command waits for another that is at work on the same branch",
       .read = [](Config& config, const ConfigValue& value) { return assign(config.lock_wait, parse_duration(value.items[0])); },
       .write = [](const Config& config) { return one(exact_duration(config.lock_wait)); }},
      {.name = "moments.timezone",
       .form = "none, local, a name such as Europe/Berlin, or an offset such as +02:00",
       .effect = "The zone of times that say none themselves; none: they are refused",
       .read =
           [](Config& config, const ConfigValue& value) {
             config.timezone = value.items[0] == "none" ? "" : value.items[0];
             try {
               if (!config.timezone.empty()) {
                 TimeZone::find(config.timezone);
               }
               return true;
             } catch (const Error&) {
               return false;
             }
           },
       .write = [](const Config& config) { return one(config.timezone.empty() ? "none" : config.timezone); }},
      {.name = "native.bin_dirs",
       .form = "a list of directories",
       .effect = "Where server binaries are, besides /usr/lib/postgresql and PATH",
       .is_list = true,
       .read =
           [](Config& config, const ConfigValue& value) {
             config.bin_dirs.assign(value.items.begin(), value.items.end());
             return true;
           },
       .write =
           [](const Config& config) {
             ConfigValue value{.is_list = true};
             for (const auto& directory : config.bin_dirs) {
               value.items.push_back(directory.string());
             }
             return value;
           }},
      {.name = "native.user",
       .form = "the name of an account",
       .effect = "Who servers run as where root runs bpg",
       .read =
           [](Config& config, const ConfigValue& value) {
             config.native_user = value.items[0];
             return !config.native_user.empty();
           },
       .write = [](const Config& config) { return one(config.native_user); }},
      {.name = "ports.range",
       .form = "two ports between 1024 and 65535, such as 15432-17431",
       .effect = "The ports that branches get; a branch keeps the one it has",
       .read =
           [](Config& config, const ConfigValue& value) {
             const auto ports = parse_ports(value.items[0]);
             if (ports) {
               std::tie(config.first_port, config.last_port) = *ports;
             }
             return ports.has_value();
           },
       .write = [](const Config& config) { return one(fmt::format("{}-{}", config.first_port, config.last_port)); }},
      {.name = "retention.deleted",
       .form = "a duration such as 24h or 7d",
       .effect = "How long what was reset or deleted is kept before bpg cleanup may free it",
       .read = [](Config& config, const ConfigValue& value) { return assign(config.keep_deleted, parse_duration(value.items[0])); },
       .write = [](const Config& config) { return one(exact_duration(config.keep_deleted)); }},
      {.name = "storage.reserve",
       .form = "a size such as 256M or 2G",
       .effect = "With less free space than this nothing new is made",
       .read = [](Config& config, const ConfigValue& value) { return assign(config.reserve_bytes, parse_bytes(value.items[0])); },
       .write = [](const Config& config) { return one(exact_bytes(config.reserve_bytes)); }},
      {.name = "wal.compression",
       .form = "zstd, lz4 or none",
       .effect = "How archived WAL is compressed; servers take it at their next start",
       .read =
           [](Config& config, const ConfigValue& value) {
             config.wal_compression = value.items[0];
             return value.items[0] == "zstd" || value.items[0] == "lz4" || value.items[0] == "none";
           },
       .write = [](const Config& config) { return one(config.wal_compression); }},
      {.name = "wal.jobs",
       .form = "a number from 1 to 64",
       .effect = "How many WAL segments of one server are archived, or fetched in recovery, at a time; servers take it at their next start",
       .read =
           [](Config& config, const ConfigValue& value) {
             const auto jobs = parse_count(value.items[0]);
             config.wal_jobs = jobs.value_or(0);
             return jobs && *jobs <= 64;
           },
       .write = [](const Config& config) { return one(fmt::format("{}", config.wal_jobs)); }},
  };
  return table;
}

int automatic_max_running_execs() {
  const long by_cores = std::max(16L, 4 * ::sysconf(_SC_NPROCESSORS_ONLN));
  const long by_memory = ::sysconf(_SC_PHYS_PAGES) / ((256L << 20) / ::sysconf(_SC_PAGESIZE));
  return static_cast<int>(std::max(4L, std::min(by_cores, by_memory)));
}

const std::vector<ProfileKey>& profile_keys() {
  static const std::vector<ProfileKey> table{
      {.name = "durability",
       .form = "durable or relaxed",
       .effect = "relaxed: fsync, synchronous_commit and full_page_writes are off, and a power cut may destroy the branch",
       .read =
           [](Profile& profile, const std::string& value) {
             profile.relaxed = value == "relaxed";
             return profile.relaxed || value == "durable";
           },
       .write = [](const Profile& profile) { return std::string(profile.relaxed ? "relaxed" : "durable"); }},
      {.name = "ttl",
       .form = "a duration such as 2h, or never",
       .effect = "A branch made with the profile expires after this time",
       .read =
           [](Profile& profile, const std::string& value) {
             profile.ttl = parse_duration(value);
             return profile.ttl || value == "never";
           },
       .write = [](const Profile& profile) { return profile.ttl ? exact_duration(*profile.ttl) : std::string("never"); }},
      {.name = "memory",
       .form = "a size of at least 64M such as 512M, or small",
       .effect = "Memory of a server: a quarter becomes shared_buffers, the others follow from it; small: shared_buffers = 32MB",
       .read =
           [](Profile& profile, const std::string& value) {
             if (value == "small") {
               profile.memory_bytes = 0;
               return true;
             }
             return assign(profile.memory_bytes, parse_bytes(value)) && profile.memory_bytes >= uint64_t{64} << 20;
           },
       .write = [](const Profile& profile) { return profile.memory_bytes ? exact_bytes(profile.memory_bytes) : std::string("small"); }},
  };
  return table;
}

std::map<std::string, Profile> Config::built_in_profiles() {
  return {{"dev", {}},
          {"ci", {.relaxed = true, .ttl = std::chrono::hours(24), .memory_bytes = uint64_t{256} << 20}},
          {"prod-like", {.memory_bytes = uint64_t{1} << 30, .settings = {{"max_wal_size", "1GB"}, {"min_wal_size", "80MB"}}}}};
}

}  // namespace bpg::engine
