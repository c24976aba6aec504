#pragma once

#include <filesystem>
#include <string>

#include "bpg/util/file.hpp"

namespace bpg::wal {

struct InitRequest {
  fs::path archive;
  fs::path data_directory;  ///< of the cluster whose WAL the archive will hold
  std::string volume{};     ///< see `Identity::volume`
  Owner owner{};            ///< who runs the server
};

/// Makes the archive of a cluster, which must not have one there yet.
void init(const InitRequest& request);

}  // namespace bpg::wal
