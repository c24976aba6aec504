#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpg/core/id.hpp"
#include "bpg/util/file.hpp"

namespace bpg::storage {

/// What the engine decides by; never by the driver's name.
struct Traits {
  bool atomic_snapshot = false;   ///< a snapshot is one moment of the whole volume, also while files change
  bool shares_space = false;      ///< snapshots and clones cost only what differs
  bool dependent_clones = false;  ///< a clone needs its origin snapshot for as long as it lives
  bool cheap_usage = false;       ///< `usage` costs milliseconds for all volumes together
};

/// Where the volumes live: chosen once by `bpg init`, kept in the catalog.
struct Location {
  std::string driver;            ///< "zfs", "btrfs", "reflink" or "copy"
  std::filesystem::path root;    ///< the directory that holds volumes/ and snapshots/ (zfs: the mount point)
  std::string dataset{};         ///< zfs: the dataset that holds all volumes, e.g. "tank/betterpg/databases"
  std::filesystem::path image{}; ///< the file behind a file-backed pool (Btrfs or ZFS) that betterpg made; else empty
};

struct Space {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;
};

/// Bytes of one volume or snapshot.
struct Usage {
  uint64_t unique_bytes = 0;  ///< would come free if only this one were destroyed
  uint64_t shared_bytes = 0;  ///< also in use by others
};

/// What is noted on a volume for people and their tools, who see it by the storage's own: "database" -> "app". Keys are of
/// lower-case letters and underscores.
using Labels = std::map<std::string, std::string>;

/// What a copy made file by file leaves out; drivers with atomic snapshots take everything and ignore it.
/// Paths relative to the volume's root.
struct CopyRules {
  std::vector<std::string> skip{};           ///< these files or directories are not copied at all
  std::vector<std::string> skip_contents{};  ///< these directories are made, but empty
};

/// Makes, freezes, clones and destroys directory trees. Knows nothing of what is in them.
///
/// Every call names its object by id, is complete and durable when it returns, and throws `Error{storage}`
/// (or `no_space`, `permission`) where it fails. A call that failed or was killed may leave a part of the object
/// behind; `destroy_*` of that id removes it. Making what exists throws `already_exists`. Destroying what does
/// not exist is success. One object is used by one thread at a time; different objects may be used in parallel,
/// also by different processes.
class Storage {
 public:
  virtual ~Storage() = default;

  virtual const Location& location() const = 0;
  virtual const Traits& traits() const = 0;

  /// The directory of a volume, whether or not it exists.
  virtual std::filesystem::path volume_path(const VolumeId& volume) const = 0;

  /// Makes an empty volume whose directory belongs to `owner`, mode 0700.
  virtual void create_volume(const VolumeId& volume, const Owner& owner, const Labels& labels = {}) = 0;

  /// Freezes `volume` as it is. Without `atomic_snapshot` the files are copied one by one, in parallel, and the
  /// caller sees to consistency: files that vanish meanwhile are left out, and what `rules` say, too.
  virtual void create_snapshot(const VolumeId& volume, const SnapshotId& snapshot, const CopyRules& rules) = 0;

  /// Where a snapshot's files can be changed by the caller before the first clone is made of it (to add what
  /// `rules` left out). Only without `atomic_snapshot`.
  virtual std::filesystem::path snapshot_path(const SnapshotId& snapshot) const = 0;

  /// Makes `clone` a writable copy of a snapshot of `origin`.
  virtual void clone_snapshot(const VolumeId& origin, const SnapshotId& snapshot, const VolumeId& clone, const Labels& labels = {}) = 0;

  /// Makes `clone` a copy of the present state of `volume` without a snapshot between, as `create_snapshot`
  /// copies. Only without `shares_space`, where a snapshot would cost a second copy.
  virtual void copy_volume(const VolumeId& volume, const VolumeId& clone, const CopyRules& rules) = 0;

  /// Changes those of these labels that say something else. Volumes that do not exist are left out. Drivers whose storage has
  /// no labels ignore them, here as where a volume is made.
  virtual void relabel(const std::map<VolumeId, Labels>&) {}

  /// Refused (`has_children`) where a clone depends on it.
  virtual void destroy_snapshot(const VolumeId& volume, const SnapshotId& snapshot) = 0;

  /// Destroys the volume together with `snapshots`, in the order that the storage needs. `snapshots` may be of
  /// this volume, or of its parent (its own origin). Snapshots of the volume that are not named survive, and
  /// with them every clone of them. Refused where something that betterpg did not make would be destroyed.
  virtual void destroy_volume(const VolumeId& volume, std::span<const SnapshotId> snapshots) = 0;

  /// Every volume that exists, by listing the storage: for checks and for rebuilding a lost catalog.
  virtual std::vector<VolumeId> list_volumes() const = 0;
  virtual std::vector<SnapshotId> list_snapshots() const = 0;

  virtual Space space() const = 0;

  /// Measures these volumes; those that do not exist are left out.
  virtual std::map<VolumeId, Usage> usage(std::span<const VolumeId> volumes) const = 0;
};

/// The driver for a location. Mounts a file-backed pool where it is not mounted, and throws `Error{storage}` with
/// the reason where the location cannot be used.
std::unique_ptr<Storage> open(const Location& location);

/// What a user may ask of `bpg init`.
struct SetupRequest {
  std::string driver = "auto";     ///< or a driver's name
  std::string pool{};              ///< --pool: a ZFS pool or dataset; with `pool_file` the name of the pool to make
  std::filesystem::path path{};    ///< --path: a directory; the driver must suit its file system
  std::filesystem::path pool_file{};       ///< --pool-file: a new ZFS pool is made in this file
  std::vector<std::string> zfs_options{};  ///< --zfs-option: properties of the dataset, "NAME=VALUE"
  std::filesystem::path home;      ///< where betterpg keeps its own files; volumes go below it without --path
  uint64_t image_bytes = uint64_t{20} << 30;  ///< --size, of a file-backed pool
  bool size_given = false;         ///< --size was given: a file-backed pool is wanted, even if others would do
  bool preallocate = false;        ///< --preallocate
};

struct SetupResult {
  Location location;
  std::string reason;              ///< why this one, in a sentence
  std::vector<std::string> notes;  ///< what it costs, what was tried before and why it did not do
};

/// Chooses and prepares the storage: a ZFS pool that may be used; else what the directory's file system can do
/// (Btrfs, reflink); else, as root, a file-backed Btrfs pool; else copy. Idempotent: what an interrupted or
/// earlier call made is used again, never formatted again.
SetupResult set_up(const SetupRequest& request);

/// Unmounts and removes a file-backed pool that `set_up` made; otherwise removes the empty directories or
/// datasets that it made. Refused where volumes are left.
void tear_down(const Location& location);

}  // namespace bpg::storage
