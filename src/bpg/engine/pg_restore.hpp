#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bpg/postgres/installation.hpp"
#include "bpg/postgres/session.hpp"
#include "bpg/util/error.hpp"

namespace bpg::engine {

/// pg_restore on one archive: custom, directory or tar. It runs as the user who calls bpg: that is whose file it is.
class PgRestore {
 public:
  /// The program for a server of this major version (`postgres::find_client`); throws `Error{environment}` where there is none.
  PgRestore(const std::vector<std::filesystem::path>& bin_dirs, int pg_major, std::filesystem::path archive);

  /// The lines of the archive's table of contents. Throws `Error{failure}` where the archive is damaged or of a newer version.
  std::vector<std::string> list() const;

  struct Restore {
    postgres::Endpoint endpoint;
    std::string role;                 ///< who it makes everything as
    std::filesystem::path use_list;   ///< a file with the lines of what is to be restored
    size_t items = 0;                 ///< how many lines
    unsigned jobs = 1;                ///< more than one: not of a tar archive
  };

  /// Restores without owners and privileges and stops at the first failure. Says how many items are done.
  void restore(const Restore& request) const;

  /// Writes what `use_list` names as SQL to `file`, without owners.
  void write_sql(const std::filesystem::path& use_list, const std::filesystem::path& file) const;

 private:
  Error failed(const std::string& said) const;

  std::filesystem::path m_program;
  int m_major;
  std::filesystem::path m_archive;
};

}  // namespace bpg::engine
