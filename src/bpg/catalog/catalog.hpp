#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bpg/core/model.hpp"

namespace bpg::catalog {

class Connection;  // sqlite.hpp

/// Databases. "Live" is what has not been deleted.
class DatabaseRepository {
 public:
  explicit DatabaseRepository(Connection& connection) : m_connection(connection) {}

  void insert(const Database& database);
  void update(const Database& database);
  void erase(const DatabaseId& id);  ///< only where no branch or volume refers to it
  std::optional<Database> find(const DatabaseId& id) const;
  std::optional<Database> find_live(const std::string& name) const;
  /// The one of that name that was deleted last and is still kept.
  std::optional<Database> find_deleted(const std::string& name) const;
  std::vector<Database> list_live() const;  ///< by name

 private:
  Connection& m_connection;
};

/// Branches. "Live" is `creating`, `ready` or `deleting`; a live name and a live port are unique.
class BranchRepository {
 public:
  explicit BranchRepository(Connection& connection) : m_connection(connection) {}

  void insert(const Branch& branch);
  void update(const Branch& branch);
  void erase(const BranchId& id);  ///< with its moves
  std::optional<Branch> find(const BranchId& id) const;
  std::optional<Branch> find_live(const DatabaseId& database, const std::string& name) const;
  /// The one of that name that was deleted (`retired`) last.
  std::optional<Branch> find_retired(const DatabaseId& database, const std::string& name) const;
  std::vector<Branch> list_live() const;                       ///< of all databases, by creation
  std::vector<Branch> list(const DatabaseId& database) const;  ///< live and retired, by creation
  std::vector<Branch> live_children(const BranchId& parent) const;
  std::set<int> live_ports() const;

  void append(const Move& move);
  std::vector<Move> moves(const BranchId& branch) const;  ///< oldest first

 private:
  Connection& m_connection;
};

class VolumeRepository {
 public:
  explicit VolumeRepository(Connection& connection) : m_connection(connection) {}

  void insert(const Volume& volume);
  void update(const Volume& volume);
  void erase(const VolumeId& id);  ///< of one whose creation was undone: nothing ever depended on it
  std::optional<Volume> find(const VolumeId& id) const;
  std::vector<Volume> list() const;                              ///< all that exist: not `deleted`
  std::vector<Volume> list(State state) const;
  std::vector<Volume> of_branch(const BranchId& branch) const;   ///< that exist, oldest first
  /// Volumes that exist and were cloned from this snapshot.
  std::vector<Volume> clones_of(const SnapshotId& snapshot) const;

 private:
  Connection& m_connection;
};

class SnapshotRepository {
 public:
  explicit SnapshotRepository(Connection& connection) : m_connection(connection) {}

  void insert(const Snapshot& snapshot);
  void update(const Snapshot& snapshot);
  void erase(const SnapshotId& id);  ///< of one whose creation was undone; one that had clones becomes `deleted`
  std::optional<Snapshot> find(const SnapshotId& id) const;
  std::vector<Snapshot> list(State state) const;
  /// That exist, oldest first: also those of a volume that is gone.
  std::vector<Snapshot> of_volume(const VolumeId& volume) const;
  /// The user's snapshot with this label, on any volume that the branch has had.
  std::optional<Snapshot> find_label(const BranchId& branch, const std::string& label) const;
  /// The user's snapshots on all volumes of the branch that exist, oldest first.
  std::vector<Snapshot> of_branch(const BranchId& branch) const;

 private:
  Connection& m_connection;
};

/// The settings of PostgreSQL that somebody chose for a database (its branches inherit them) or for one branch.
class SettingRepository {
 public:
  explicit SettingRepository(Connection& connection) : m_connection(connection) {}

  void set(const DatabaseId& database, const ServerSetting& setting);
  void set(const BranchId& branch, const ServerSetting& setting);
  bool unset(const DatabaseId& database, const std::string& name);  ///< false where it was not set
  bool unset(const BranchId& branch, const std::string& name);
  std::vector<ServerSetting> of(const DatabaseId& database) const;  ///< by name
  std::vector<ServerSetting> of(const BranchId& branch) const;

 private:
  Connection& m_connection;
};

/// The schedules by which branches are snapshotted: at most one for a branch, and gone with it.
class ScheduleRepository {
 public:
  explicit ScheduleRepository(Connection& connection) : m_connection(connection) {}

  void set(const SnapshotSchedule& schedule);  ///< in the place of the one that the branch may have
  bool erase(const BranchId& branch);          ///< false where there is none
  std::optional<SnapshotSchedule> find(const BranchId& branch) const;
  std::vector<SnapshotSchedule> list() const;  ///< also of branches that are deleted, by the branch's creation

 private:
  Connection& m_connection;
};

/// The embedded store of what betterpg knows: one SQLite file (WAL journal, foreign keys, STRICT tables).
///
/// One object is used by one thread at a time; different processes may each have their own. Every change is made
/// inside `write`. One that has changed something renews the copy of the store (catalog/store_copy.hpp) when it goes.
/// Errors: `Error{busy}` where another process held the store for longer than the busy timeout (5 s),
/// `Error{environment}` for a damaged or newer file.
class Catalog {
 public:
  /// Opens the store and migrates an older schema; creates it (0600) where there is none.
  static Catalog open(const std::filesystem::path& file);

  Catalog(Catalog&&) noexcept;
  ~Catalog();

  /// Runs `work` in one transaction (BEGIN IMMEDIATE): all of it is durable when this returns, or, where `work`
  /// throws, none of it happened. Does not nest.
  void write(const std::function<void()>& work);

  /// A value under a key, for what has no table of its own (the storage's location).
  std::optional<std::string> value(const std::string& key) const;
  void set_value(const std::string& key, const std::string& value);
  void erase_value(const std::string& key);

  DatabaseRepository databases;
  BranchRepository branches;
  VolumeRepository volumes;
  SnapshotRepository snapshots;
  SettingRepository settings;
  ScheduleRepository schedules;

 private:
  explicit Catalog(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> m_connection;
};

}  // namespace bpg::catalog
