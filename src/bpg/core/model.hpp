#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bpg/core/id.hpp"
#include "bpg/core/lsn.hpp"
#include "bpg/core/name.hpp"
#include "bpg/core/retention.hpp"
#include "bpg/util/clock.hpp"

namespace bpg {

/// The container image that the servers of a database run in.
struct Image {
  std::string reference;  ///< as somebody named it: "postgres:17"
  std::string id;         ///< what that meant then ("sha256:…"), and what its servers run for good
  uint32_t uid = 0;       ///< who its servers run as, in the image as on this machine
  uint32_t gid = 0;

  bool operator==(const Image&) const = default;
};

/// A project: a name, a PostgreSQL major version, branches.
struct Database {
  DatabaseId id;
  std::string name;
  int pg_major = 0;
  /// The database inside the cluster that URLs point at: the project's name when it was created.
  std::string pg_database;
  std::optional<Image> image{};  ///< nothing: its servers are processes of this machine
  Time created_at{};
  std::optional<Time> deleted_at{};  ///< deleted, and its branches' volumes are still kept
};

/// What the life of a branch, volume or snapshot has come to. What is `creating` or `deleting` and has no
/// process at work on it was interrupted: it is undone, or finished, by the next command.
enum class State {
  creating,
  ready,
  retired,   ///< no name points at it; kept until `keep_until`
  deleting,
  deleted,   ///< only the row remains, so that lineage can be told and the id is not reused
};

/// One line of history: a writable data directory. Never renamed, never reused.
struct Volume {
  VolumeId id;
  DatabaseId database;
  State state = State::creating;
  BranchId branch;                          ///< the branch it was made for
  std::optional<VolumeId> parent{};         ///< where it was cloned from
  std::optional<SnapshotId> origin{};       ///< the snapshot it was cloned from; none where it is a direct copy
  std::optional<Lsn> fork_lsn{};            ///< up to here its WAL equals its parent's
  bool started = false;                     ///< the first start, closed to the world, has been done
  bool archived = false;                    ///< its WAL goes to an archive of its own
  /// The volume along whose WAL it was recovered to a moment: what its origin holds is not its own history.
  std::optional<VolumeId> recovered_from{};
  Time created_at{};
  std::optional<Time> retired_at{};
  std::optional<Time> keep_until{};         ///< promised not to be freed by `bpg cleanup` before
  std::string retired_by{};                 ///< "reset", "restore", "undo" or "delete"
};

/// How a snapshot came to be, and so what its clones need.
enum class Consistency {
  checkpoint,  ///< atomic, of a running server, just after a checkpoint: clones do a short crash recovery
  labelled,    ///< copied file by file in backup mode: holds backup_label and its WAL
  crash,       ///< atomic, of a running server, without a checkpoint; or of one that had been killed
  clean,       ///< of a server that had been shut down
};

/// A frozen moment of a volume.
struct Snapshot {
  SnapshotId id;
  VolumeId volume;
  State state = State::creating;
  std::string label{};                 ///< unique in its volume's branch; may be empty
  bool user = false;                   ///< asked for by somebody; else it is the origin of a branch, or
  bool base = false;                   ///< where the recovery of its volume begins: it stays as long as that
  bool scheduled = false;              ///< made by its branch's schedule, which may delete it
  Consistency consistency = Consistency::checkpoint;
  std::optional<Lsn> start_lsn{};      ///< replay begins at or after this
  std::optional<Lsn> stop_lsn{};       ///< consistent from here on, and nothing behind is in it
  Time created_at{};
  std::optional<Time> completed_at{};  ///< what was committed later is not in it
};

/// A name that points at a volume, with an endpoint.
struct Branch {
  BranchId id;
  DatabaseId database;
  std::string name;
  State state = State::creating;       ///< `retired`: deleted, but can be undeleted
  std::optional<BranchId> parent{};    ///< none for main
  VolumeId volume;
  int port = 0;
  std::string sealed_password{};       ///< the owner's password, encrypted (engine/secrets.hpp)
  bool wants_running = true;           ///< what the user last asked for; what is, only the runtime knows
  /// Its server is being replaced. Where nobody is at work on it, the command was interrupted, and the next one
  /// starts the server of `volume` again if the branch wants to run.
  bool switching = false;
  std::string profile{};               ///< of the configuration; empty: none
  std::optional<Time> expires_at{};    ///< from then on `bpg cleanup --expired` takes it; nothing: never
  bool is_protected = false;           ///< no reset, deletion or expiry
  bool ephemeral = false;              ///< made for one command (`bpg exec`), and gone with it
  bool archive = true;                 ///< volumes that are made for it get an archive
  Time created_at{};
  std::optional<Time> deleted_at{};
};

/// A setting of PostgreSQL that somebody chose for a database or a branch.
struct ServerSetting {
  std::string name;   ///< in lower case, as pg_settings has it
  std::string value;  ///< as it was given, with its unit

  auto operator<=>(const ServerSetting&) const = default;
};

/// Snapshots of a branch that are made, and deleted again, as time goes by.
struct SnapshotSchedule {
  BranchId branch;
  Retention keep;  ///< the finest unit also says how often one is made
};

/// One move of a branch from a volume to another: the branch's reflog.
struct Move {
  BranchId branch;
  VolumeId from;
  VolumeId to;
  std::string reason;  ///< "reset", "restore" or "undo"
  Time at{};
};

const char* to_string(State state);
State parse_state(std::string_view text);
const char* to_string(Consistency consistency);
Consistency parse_consistency(std::string_view text);

}  // namespace bpg
