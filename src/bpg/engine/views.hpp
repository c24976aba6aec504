#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/find.hpp"
#include "bpg/engine/restore_plan.hpp"
#include "bpg/storage/storage.hpp"

namespace bpg::engine {

/// What use cases answer with: everything a person or a program is told of a thing, the same wherever it appears.

struct VolumeView {
  VolumeId id;
  std::string driver;
  std::string path;
  std::optional<storage::Usage> usage;  ///< nothing where it was not measured
};

struct BranchView {
  BranchId id;
  std::string database;
  std::string name;
  std::optional<std::string> parent;
  std::string status;  ///< "running", "starting", "stopped", "creating", "deleted"
  std::string host;
  int port = 0;
  VolumeView volume;
  std::optional<SnapshotId> origin;
  std::string profile;                ///< empty: none
  bool relaxed = false;               ///< a power cut may destroy it
  std::optional<Time> expires_at;     ///< nothing: never
  bool is_protected = false;
  bool ephemeral = false;
  bool archived = false;              ///< its WAL is archived
  Time created_at{};
  std::optional<Time> deleted_at;
  std::optional<RestorePlan> restored{};  ///< how a command brought it to a moment; told by that command alone

  std::string subject() const { return database + "/" + name; }
};

struct DatabaseView {
  DatabaseId id;
  std::string name;
  int pg_version = 0;
  std::string pg_database;
  std::string image;  ///< its containers'; empty: its servers are processes of this machine
  int branches = 0;
  Time created_at{};
};

struct SnapshotView {
  SnapshotId id;
  std::string database;
  std::string branch;
  std::string label;
  bool scheduled = false;
  Consistency consistency = Consistency::checkpoint;
  VolumeId volume;
  std::optional<Lsn> start_lsn;
  std::optional<Lsn> stop_lsn;
  Time created_at{};
};

/// A volume that no name points at any more.
struct RetainedView {
  VolumeId volume;
  std::string subject;
  std::string retired_by;  ///< "reset", "undo" or "delete"
  std::optional<Time> retired_at;
  std::optional<Time> keep_until;
  std::string held_by;     ///< what keeps it beyond that; empty where nothing does
  std::optional<storage::Usage> usage;
};

/// Whether sizes are worth their cost: `if_cheap` measures only where the driver does it in milliseconds.
enum class Measure { no, if_cheap, yes };

BranchView view(const Context& context, const BranchRef& branch, Measure measure = Measure::no);
DatabaseView view(const Context& context, const Database& database);
SnapshotView view(const Context& context, const Snapshot& snapshot);

/// All of them, measured together.
std::vector<BranchView> view_all(const Context& context, const std::vector<BranchRef>& branches, Measure measure);
std::vector<RetainedView> view_retained(const Context& context, const std::vector<Volume>& volumes, Measure measure);

}  // namespace bpg::engine
