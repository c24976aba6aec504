#include "bpg/engine/live_names.hpp"

#include "bpg/core/name.hpp"
#include "bpg/engine/home.hpp"

namespace bpg::engine {

namespace {

std::string subject_of(const Database& database, const Branch& branch) { return database.name + "/" + branch.name; }

}  // namespace

LiveNames::LiveNames(catalog::Catalog catalog) : m_catalog(std::move(catalog)) {}

std::optional<LiveNames> LiveNames::open(const std::optional<std::filesystem::path>& config_file) {
  const auto file = Home::find(config_file).catalog();
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return std::nullopt;
  }
  return LiveNames(catalog::Catalog::open(file));
}

std::vector<std::string> LiveNames::databases() const {
  std::vector<std::string> names;
  for (const Database& database : m_catalog.databases.list_live()) {
    names.push_back(database.name);
  }
  return names;
}

std::vector<std::string> LiveNames::subjects() const {
  std::vector<std::string> names;
  for (const Branch& branch : m_catalog.branches.list_live()) {
    if (const auto database = m_catalog.databases.find(branch.database)) {
      names.push_back(subject_of(*database, branch));
    }
  }
  return names;
}

std::vector<std::string> LiveNames::deleted_subjects() const {
  std::vector<std::string> names;
  for (const Database& database : m_catalog.databases.list_live()) {
    for (const Branch& branch : m_catalog.branches.list(database.id)) {
      if (branch.state == State::retired) {
        names.push_back(subject_of(database, branch));
      }
    }
  }
  return names;
}

std::vector<std::string> LiveNames::snapshots() const {
  std::vector<std::string> names;
  for (const Branch& branch : m_catalog.branches.list_live()) {
    const auto database = m_catalog.databases.find(branch.database);
    for (const Snapshot& snapshot : m_catalog.snapshots.of_branch(branch.id)) {
      if (database && !snapshot.label.empty()) {
        names.push_back(subject_of(*database, branch) + "@" + snapshot.label);
      } else {
        names.push_back(snapshot.id.str());
      }
    }
  }
  return names;
}

std::optional<Branch> LiveNames::find(const std::string& subject) const {
  const size_t slash = subject.find('/');
  const auto database = m_catalog.databases.find_live(subject.substr(0, slash));
  return database ? m_catalog.branches.find_live(database->id, slash == subject.npos ? "main" : subject.substr(slash + 1))
                  : std::nullopt;
}

std::vector<std::string> LiveNames::labels_for(const std::string& subject) const {
  std::vector<std::string> labels;
  const auto branch = find(subject);
  const auto add = [&](const BranchId& id) {
    for (const Snapshot& snapshot : m_catalog.snapshots.of_branch(id)) {
      labels.push_back(snapshot.label.empty() ? snapshot.id.str() : snapshot.label);
    }
  };
  if (branch) {
    add(branch->id);
    if (branch->parent) {
      add(*branch->parent);
    }
  }
  return labels;
}

std::vector<std::string> LiveNames::kept_volumes(const std::string& subject) const {
  std::vector<std::string> ids;
  if (const auto branch = find(subject)) {
    for (const Volume& volume : m_catalog.volumes.of_branch(branch->id)) {
      if (volume.state == State::retired) {
        ids.push_back(volume.id.str());
      }
    }
  }
  return ids;
}

}  // namespace bpg::engine
