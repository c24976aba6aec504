#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpg/catalog/catalog.hpp"

namespace bpg::engine {

/// The names that the catalog knows, for completions: quick, without looking at storage or servers, and without
/// mending what interrupted commands left.
class LiveNames {
 public:
  /// Nothing where `bpg init` has not been run. Throws where the catalog cannot be read.
  static std::optional<LiveNames> open(const std::optional<std::filesystem::path>& config_file);

  std::vector<std::string> databases() const;
  std::vector<std::string> subjects() const;          ///< "app/main"
  std::vector<std::string> deleted_subjects() const;  ///< that can be undeleted
  std::vector<std::string> snapshots() const;         ///< "app/main@before-v2", and "snap_…" of those without a label

  /// The labels that `branch reset SUBJECT --to` knows: of the branch and of its parent. None for what is no subject.
  std::vector<std::string> labels_for(const std::string& subject) const;

  /// What `branch undo SUBJECT --to` knows.
  std::vector<std::string> kept_volumes(const std::string& subject) const;

 private:
  explicit LiveNames(catalog::Catalog catalog);
  std::optional<Branch> find(const std::string& subject) const;

  catalog::Catalog m_catalog;
};

}  // namespace bpg::engine
