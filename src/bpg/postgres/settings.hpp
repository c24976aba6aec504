#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "bpg/core/model.hpp"

namespace bpg::postgres {

/// Who owns the project's database, and whom URLs name. Not a superuser: with COPY … PROGRAM that one would be
/// the operating-system account of all branches.
inline constexpr const char* owner_role = "owner";

/// What a power cut may cost.
enum class Durability {
  full,               ///< nothing that was committed
  synced_at_the_end,  ///< everything: a clone that is not yet its users', and is synced as a whole before it is
  none,               ///< everything: a branch that lives for one command
};

/// Settings that come from one place.
struct SettingsLayer {
  std::string origin;  ///< for the comment in the file: "profile ci"
  std::vector<ServerSetting> settings;
};

struct SettingsOptions {
  bool copy_on_write = false;  ///< the volume shares space: preparing and recycling WAL files would only cost some
  bool archive = false;        ///< its WAL is archived
  uint64_t wal_segment_size = uint64_t{16} << 20;
  bool bulk_load = false;      ///< a dump is being loaded: large memory and rare checkpoints, no autovacuum
  Durability durability = Durability::full;
  std::vector<SettingsLayer> layers{};  ///< over the defaults, the last one wins
};

/// What betterpg gives every branch: the small memory of one among many on its machine, and no more WAL than it needs.
std::vector<ServerSetting> default_settings(const SettingsOptions& options);

/// The generated configuration file. It includes the cluster's own postgresql.conf first; postgresql.auto.conf,
/// which ALTER SYSTEM writes, still overrides both.
std::string render_settings(const SettingsOptions& options);

/// Where a server is, as far as its endpoint is concerned.
enum class Place {
  machine,    ///< it listens on this machine's loopback
  container,  ///< in a container that shares this machine's network: likewise, but it does not know this machine's accounts
  network,    ///< in a container with a network of its own: it listens there, and its port is published on this machine's loopback
};

/// The generated pg_hba.conf: the private socket, for those in pg_ident.conf where the server knows this machine's accounts,
/// else for whoever gets into its directory (0700); when `open`, also passwords (SCRAM) over TCP.
std::string render_hba(bool open, Place place);

/// The generated pg_ident.conf: these accounts may be the superuser and the owner on the private socket.
std::string render_ident(const std::vector<std::string>& accounts);

/// The names of the generated files, in the volume's root beside the data directory.
inline constexpr const char* settings_file = "betterpg.conf";
inline constexpr const char* hba_file = "pg_hba.conf";
inline constexpr const char* ident_file = "pg_ident.conf";

/// What must hold whatever the configuration files say: for the command line.
std::vector<std::pair<std::string, std::string>> fixed_settings(const std::filesystem::path& volume, Place place);

/// The same of a server whose WAL goes to its archive by `command` (a shell command with %p), or that has none (empty).
std::vector<std::pair<std::string, std::string>> archive_settings(const std::string& command, int pg_major);

/// Recovery from an archive by `restore_command` (a shell command with %f and %p) that stops behind the record that begins at
/// `record`, and then takes writes on a timeline of its own. Nobody is let in before: standby queries would see what
/// goes on, and would have the server refuse a smaller max_connections than the source had.
std::vector<std::pair<std::string, std::string>> recovery_settings(const std::string& restore_command, Lsn record, uint32_t timeline);

/// Settings that keep a clone from acting as its source, until its first restart: its subscriptions would take
/// over the source's slots, its cron would run the source's jobs.
std::vector<std::pair<std::string, std::string>> quarantine_settings();

}  // namespace bpg::postgres
