#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/context.hpp"

namespace bpg::engine {

struct Init {
  std::optional<std::filesystem::path> config_file{};
  std::string driver = "auto";
  std::string pool{};
  std::filesystem::path pool_file{};
  std::vector<std::string> zfs_options{};  ///< "NAME=VALUE"
  std::filesystem::path path{};
  std::optional<uint64_t> image_bytes{};
  bool preallocate = false;
  std::string runtime{};  ///< "native" or "docker", of databases that do not say otherwise; empty: as the image says
  std::string image{};    ///< empty: PostgreSQL's official one
};

struct InitResult {
  bool already_done = false;
  std::optional<Time> put_back{};  ///< the catalog was gone: the copy of this time took its place
  std::filesystem::path home;
  storage::Location location{};
  std::string reason{};            ///< why this storage; empty where it was done before
  std::vector<std::string> notes{};
  std::string image{};             ///< of databases that do not say otherwise; empty: their servers are processes of this machine
  std::vector<int> pg_versions{};  ///< installed majors, newest first; or the image's
  std::string account{};           ///< who servers run as
};

/// Checks what is needed, chooses the storage, makes betterpg's files. Run again, it changes nothing and says what
/// there is; where it was interrupted, it goes on. Where the catalog is gone, its copy is put back; without a copy it throws
/// `Error{refused}` rather than begin anew over what there is.
InitResult init(const Init& request);

/// Removes what `init` made. Throws `Error{refused}` while there are databases or kept volumes.
InitResult remove_init(const std::optional<std::filesystem::path>& config_file);

}  // namespace bpg::engine
