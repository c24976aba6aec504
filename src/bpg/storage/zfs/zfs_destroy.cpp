#include "bpg/storage/zfs/zfs_destroy.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/storage/zfs/datasets.hpp"
#include "bpg/storage/zfs/mounting.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"

namespace bpg::storage::zfs {

namespace {

Error has_children(const SnapshotId& snapshot, const std::vector<std::string>& clones) {
  return Error(ErrorCode::has_children,
               fmt::format("snapshot {} is the origin of {}", snapshot.str(), fmt::join(clones, ", ")),
               "Destroy what comes from it first.");
}

/// One dataset and what is below it; nothing where there is no such dataset.
std::optional<Datasets> list_one(const std::string& dataset) {
  try {
    return Datasets::list(dataset);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) {
      return std::nullopt;
    }
    throw;
  }
}

/// Was `dataset` made to keep snapshots whose volume is gone?
bool is_keeper(const std::string& parent, const std::string& dataset) {
  return dataset.starts_with(parent + "/") && SnapshotId::parse(dataset.substr(parent.size() + 1)).has_value();
}

void destroy_keeper_of_nothing(const std::string& parent, const std::string& dataset) {
  if (const auto keeper = is_keeper(parent, dataset) ? list_one(dataset) : std::nullopt; keeper && keeper->only(dataset)) {
    destroy_file_system(dataset);
  }
}

/// Destroys a volume that has no snapshots, and so no clones, together with its origin where that alone is named. Looks at these
/// two only, whatever else there is: most volumes are such, and listing hundreds takes longer than anything else here. False, and
/// nothing is done, for any other volume.
bool destroy_leaf(const std::string& parent, const VolumeId& volume, std::span<const SnapshotId> snapshots) {
  const std::string dataset = parent + "/" + volume.str();
  const auto datasets = list_one(dataset);
  if (!datasets || !datasets->only(dataset)) {
    return false;
  }
  const std::string origin = datasets->origin_of(dataset);
  if (std::ranges::any_of(snapshots, [&](const SnapshotId& named) { return named.str() != snapshot_part(origin); })) {
    return false;
  }
  destroy_file_system(dataset);
  if (!snapshots.empty()) {
    try {
      run_zfs_when_idle({"destroy", origin});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::has_children && error.code() != ErrorCode::not_found) {
        throw;
      }
      destroy_snapshot(parent, snapshots.front());
    }
  }
  destroy_keeper_of_nothing(parent, dataset_part(origin));
  return true;
}

class VolumeDestruction {
 public:
  VolumeDestruction(const std::string& parent, const VolumeId& volume, std::span<const SnapshotId> snapshots)
      : m_parent(parent),
        m_dataset(parent + "/" + volume.str()),
        m_named(snapshots),
        m_datasets(Datasets::list(parent)) {}

  void run() {
    refuse_foreign();
    refuse_origins_of_others();
    if (m_datasets.contains(m_dataset)) {
      promote_heirs();
      keep_survivors();
      destroy_own_snapshots();
      destroy_file_system(m_dataset);
    }
    for (const SnapshotId& snapshot : m_named) {
      if (const auto name = m_datasets.find_snapshot(snapshot); name && dataset_part(*name) != m_dataset) {
        destroy_snapshot(m_parent, snapshot);
      }
    }
  }

 private:
  bool is_named(const std::string& snapshot) const {
    return std::any_of(m_named.begin(), m_named.end(),
                       [&](const SnapshotId& named) { return named.str() == snapshot_part(snapshot); });
  }

  void refuse_foreign() const {
    std::vector<std::string> foreign = m_datasets.children_of(m_dataset);
    for (const std::string& snapshot : m_datasets.snapshots_of(m_dataset)) {
      if (!SnapshotId::parse(snapshot_part(snapshot))) {
        foreign.push_back(snapshot);
      }
    }
    if (!foreign.empty()) {
      throw Error(ErrorCode::refused, fmt::format("betterpg did not make {}", fmt::join(foreign, ", ")),
                  "Destroy it with 'zfs destroy' if nobody needs it.");
    }
  }

  void refuse_origins_of_others() const {
    for (const SnapshotId& snapshot : m_named) {
      const auto name = m_datasets.find_snapshot(snapshot);
      auto clones = name ? m_datasets.children_of_snapshot(*name) : std::vector<std::string>{};
      std::erase(clones, m_dataset);
      if (!clones.empty()) {
        throw has_children(snapshot, clones);
      }
    }
  }

  struct Heir {
    std::string snapshot;
    std::string clone;
  };

  /// The latest snapshot that survives in a clone: promoting that takes all earlier ones along.
  std::optional<Heir> last_heir() const {
    std::optional<Heir> last;
    for (const std::string& snapshot : m_datasets.snapshots_of(m_dataset)) {
      const std::vector<std::string> clones = m_datasets.clones_of(snapshot);
      if (!clones.empty()) {
        last = Heir{snapshot, clones.front()};
      }
    }
    return last;
  }

  void promote_heirs() {
    while (const auto heir = last_heir()) {
      run_zfs_when_idle({"promote", heir->clone});
      m_datasets = Datasets::list(m_parent);
    }
  }

  void keep_survivors() {
    std::optional<std::string> last;
    for (const std::string& snapshot : m_datasets.snapshots_of(m_dataset)) {
      if (!is_named(snapshot)) {
        last = snapshot;
      }
    }
    if (last) {
      const std::string keeper = m_parent + "/" + snapshot_part(*last);
      clone_unmounted(*last, keeper);
      m_datasets = Datasets::list(m_parent);
      promote_heirs();
    }
  }

  void destroy_own_snapshots() const {
    for (const std::string& snapshot : m_datasets.snapshots_of(m_dataset)) {
      run_zfs_when_idle({"destroy", snapshot});
    }
  }

  const std::string& m_parent;
  const std::string m_dataset;
  const std::span<const SnapshotId> m_named;
  Datasets m_datasets;
};

}  // namespace

void destroy_snapshot(const std::string& parent, const SnapshotId& snapshot) {
  const Datasets datasets = Datasets::list(parent);
  const auto name = datasets.find_snapshot(snapshot);
  if (!name) {
    return;
  }
  if (const auto clones = datasets.children_of_snapshot(*name); !clones.empty()) {
    throw has_children(snapshot, clones);
  }
  run_zfs_when_idle({"destroy", "-d", *name});
  destroy_keeper_of_nothing(parent, dataset_part(*name));
}

void destroy_volume(const std::string& parent, const VolumeId& volume, std::span<const SnapshotId> snapshots) {
  if (!destroy_leaf(parent, volume, snapshots)) {
    VolumeDestruction(parent, volume, snapshots).run();
  }
}

}  // namespace bpg::storage::zfs
