#include "bpg/storage/zfs/datasets.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/storage/zfs/zfs_command.hpp"

namespace bpg::storage::zfs {

std::string dataset_part(const std::string& snapshot) { return snapshot.substr(0, snapshot.find('@')); }

std::string snapshot_part(const std::string& snapshot) {
  const size_t at = snapshot.find('@');
  return at == std::string::npos ? "" : snapshot.substr(at + 1);
}

std::string pool_part(const std::string& dataset) { return dataset.substr(0, dataset.find('/')); }

/// Snapshots of one dataset come in the order of their creation (zfs-list(8)).
Datasets Datasets::list(const std::string& parent) {
  Datasets result;
  result.m_parent = parent;
  const std::string columns = fmt::format("name,origin,{},defer_destroy", made_from_property);
  for (auto& row : rows(run_zfs({"list", "-H", "-r", "-t", "filesystem,snapshot", "-o", columns, parent}))) {
    result.m_entries.push_back({.name = std::move(row.at(0)),
                                .origin = std::move(row.at(1)),
                                .made_from = std::move(row.at(2)),
                                .deferred = row.at(3) == "on"});
  }
  return result;
}

std::vector<VolumeId> Datasets::volumes() const {
  std::vector<VolumeId> ids;
  const std::string prefix = m_parent + "/";
  for (const Entry& entry : m_entries) {
    if (entry.name.starts_with(prefix)) {
      if (auto id = VolumeId::parse(entry.name.substr(prefix.size()))) {
        ids.push_back(std::move(*id));
      }
    }
  }
  return ids;
}

std::vector<SnapshotId> Datasets::snapshots() const {
  std::vector<SnapshotId> ids;
  for (const Entry& entry : m_entries) {
    if (auto id = SnapshotId::parse(snapshot_part(entry.name)); id && !entry.deferred) {
      ids.push_back(std::move(*id));
    }
  }
  return ids;
}

bool Datasets::contains(const std::string& dataset) const {
  return std::any_of(m_entries.begin(), m_entries.end(),
                     [&](const Entry& entry) { return entry.name == dataset; });
}

std::optional<std::string> Datasets::find_snapshot(const SnapshotId& snapshot) const {
  for (const Entry& entry : m_entries) {
    if (snapshot_part(entry.name) == snapshot.str() && !entry.deferred) {
      return entry.name;
    }
  }
  return std::nullopt;
}

std::vector<std::string> Datasets::snapshots_of(const std::string& dataset) const {
  std::vector<std::string> names;
  for (const Entry& entry : m_entries) {
    if (entry.name.starts_with(dataset + "@")) {
      names.push_back(entry.name);
    }
  }
  return names;
}

std::vector<std::string> Datasets::clones_of(const std::string& snapshot) const {
  std::vector<std::string> names;
  for (const Entry& entry : m_entries) {
    if (entry.origin == snapshot) {
      names.push_back(entry.name);
    }
  }
  return names;
}

std::vector<std::string> Datasets::children_of_snapshot(const std::string& snapshot) const {
  std::vector<std::string> names;
  for (const Entry& entry : m_entries) {
    if (entry.origin == snapshot && entry.made_from == snapshot_part(snapshot)) {
      names.push_back(entry.name);
    }
  }
  return names;
}

std::vector<std::string> Datasets::children_of(const std::string& dataset) const {
  std::vector<std::string> names;
  for (const Entry& entry : m_entries) {
    if (entry.name.starts_with(dataset + "/") && entry.name.find('@') == std::string::npos) {
      names.push_back(entry.name);
    }
  }
  return names;
}

std::string Datasets::origin_of(const std::string& dataset) const {
  for (const Entry& entry : m_entries) {
    if (entry.name == dataset) {
      return entry.origin == "-" ? "" : entry.origin;
    }
  }
  return {};
}

bool Datasets::only(const std::string& dataset) const { return m_entries.size() == 1 && m_entries.front().name == dataset; }

}  // namespace bpg::storage::zfs
