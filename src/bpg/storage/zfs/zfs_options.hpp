#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace bpg::storage::zfs {

/// A property (zfsprops(7)) that betterpg gives the dataset of its volumes, which inherit it.
struct DatasetOption {
  std::string name;
  std::vector<std::string> values;  ///< the best first; an older ZFS may know only a later one, or none
  std::string reason;
};

const std::vector<DatasetOption>& dataset_options();

/// Names and values.
using Options = std::map<std::string, std::string>;

/// "NAME=VALUE" as users write them, of any property that is theirs to choose. Throws `Error{usage}`.
Options parse_options(std::span<const std::string> texts);

/// Gives an existing dataset betterpg's options, except those that `chosen` has. What this ZFS knows no value of, by name.
std::vector<std::string> apply_default_options(const std::string& dataset, const Options& chosen);

}  // namespace bpg::storage::zfs
