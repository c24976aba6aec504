#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bpg::engine {

/// A named way to run branches: what `--profile` chooses.
struct Profile {
  bool relaxed = false;                         ///< durability: what a power cut may destroy
  std::optional<std::chrono::seconds> ttl{};    ///< what branches get as their time to live; nothing: for ever
  uint64_t memory_bytes = 0;                    ///< for one server; 0: as little as betterpg's own defaults take
  std::map<std::string, std::string> settings{};  ///< of PostgreSQL, by name
};

/// What a user may set in the configuration file. `config_keys` says what each is for.
struct Config {
  std::string docker_host{};              ///< the engine's socket, "unix:///…"; empty: DOCKER_HOST, or Docker's own
  std::string docker_network = "host";    ///< of containers
  uint64_t docker_shm_bytes = uint64_t{64} << 20;
  uint64_t docker_memory_bytes = 0;       ///< of one container; 0: no limit
  double docker_cpus = 0;                 ///< 0: no limit
  std::string native_user = "postgres";
  std::vector<std::filesystem::path> bin_dirs{};
  int first_port = 15432;
  int last_port = 17431;
  std::chrono::seconds keep_deleted = std::chrono::hours(24);
  uint64_t reserve_bytes = uint64_t{256} << 20;
  std::optional<int> max_running_execs{};  ///< nothing: `automatic_max_running_execs`
  std::chrono::seconds lock_wait{10};
  std::string timezone{};  ///< of times that say none themselves; empty: such times are refused
  std::string wal_compression = "zstd";  ///< of archived WAL: "zstd", "lz4" or "none"
  int wal_jobs = 2;                      ///< how many segments one bpg-wal works on at a time
  std::map<std::string, Profile> profiles = built_in_profiles();

  static std::map<std::string, Profile> built_in_profiles();
};

/// Four for each core, but at least 16; less where there are not 256 MB of memory for each, down to 4.
int automatic_max_running_execs();

/// A value as it stands in the file or in the environment.
struct ConfigValue {
  bool is_list = false;
  std::vector<std::string> items{};  ///< one where it is not a list; none where it is empty

  auto operator<=>(const ConfigValue&) const = default;
};

/// The one description of a key: adding a key is adding a row to the table in config_keys.cpp.
struct ConfigKey {
  std::string name;
  std::string form;    ///< what its value must be: "a duration such as 10s"
  std::string effect;  ///< one line for the documentation
  bool is_list = false;
  bool (*read)(Config&, const ConfigValue&);  ///< false where the value has not that form
  ConfigValue (*write)(const Config&);

  /// "BPG_PORTS_RANGE": what overrides the file.
  std::string environment() const;
};

/// The same for each key of a profile: `profiles.NAME.<name>`. The environment does not override these.
struct ProfileKey {
  std::string name;
  std::string form;
  std::string effect;
  bool (*read)(Profile&, const std::string&);
  std::string (*write)(const Profile&);
};

const std::vector<ConfigKey>& config_keys();
const std::vector<ProfileKey>& profile_keys();

/// A key as a user sees it.
struct ConfigEntry {
  std::string key;
  ConfigValue value;
  ConfigValue default_value;
  std::string origin;       ///< "default", "FILE:LINE" or "environment NAME"
  std::string environment;  ///< the variable; empty where there is none
  std::string form;
  std::string effect;
};

/// The environment over the file over the defaults. Strict: an unknown key or a wrong value throws `Error{usage}`
/// that names the place and the key. There need not be a file.
Config load_config(const std::filesystem::path& file);

/// The same of a text that is to become the content of `file`.
Config parse_config(const std::string& text, const std::filesystem::path& file);

/// Every key with its value and where it comes from; those of profiles, too.
std::vector<ConfigEntry> list_config(const std::filesystem::path& file);

/// One of them; else `Error{usage}` with what was probably meant.
ConfigEntry get_config(const std::filesystem::path& file, const std::string& key);

/// The profile of that name; else `Error{usage}` with what was probably meant.
const Profile& find_profile(const Config& config, const std::string& name);

}  // namespace bpg::engine
