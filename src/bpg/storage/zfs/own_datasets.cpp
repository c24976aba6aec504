#include "bpg/storage/zfs/own_datasets.hpp"

#include <fmt/format.h>

#include "bpg/storage/zfs/datasets.hpp"
#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage::zfs {

std::string group_name(const std::string& parent) { return parent + "/betterpg"; }

std::vector<std::string> group_creation(const std::string& group) {
  return {"create", "-o", "canmount=off", "-o", "mountpoint=none", "-o", fmt::format("{}=yes", group_property), group};
}

void require_programs() {
  for (const char* program : {"zfs", "zpool"}) {
    if (!find_program(program)) {
      throw Error(ErrorCode::storage, fmt::format("'{}' is not installed", program),
                  "Install zfsutils-linux, or choose another --storage.");
    }
  }
}

void require_parent(const std::string& parent) {
  if (const auto type = property(parent, "type")) {
    if (*type != "filesystem") {
      throw Error(ErrorCode::storage, fmt::format("{} is a {}, not a file system", parent, *type));
    }
    return;
  }
  std::vector<std::string> names;
  for (auto& row : rows(run_zfs({"list", "-H", "-t", "filesystem", "-o", "name"}))) {
    names.push_back(std::move(row.at(0)));
  }
  throw Error(ErrorCode::not_found, fmt::format("there is no zfs pool or dataset '{}'", parent),
              did_you_mean(parent, names, "'zfs list' shows what there is."));
}

void refuse_volumes_in(const std::string& dataset) {
  const Datasets datasets = Datasets::list(dataset);
  if (!datasets.volumes().empty() || !datasets.snapshots().empty()) {
    throw Error(ErrorCode::refused,
                fmt::format("{} holds {} volumes and {} snapshots", dataset, datasets.volumes().size(),
                            datasets.snapshots().size()),
                "Delete the databases first: 'bpg db delete NAME --force --now'.");
  }
}

}  // namespace bpg::storage::zfs
