#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/server_host.hpp"
#include "bpg/engine/views.hpp"
#include "bpg/postgres/extensions.hpp"

namespace bpg::engine {

struct CreateDatabase {
  std::string name;
  HostRequest host{};                                ///< where its servers run; the template's, where it has one
  std::optional<uint64_t> wal_segment_size{};        ///< in bytes; the template's, or PostgreSQL's own, where it is not given
  std::vector<postgres::Extension> extensions{};
  std::optional<SubjectAt> from{};                   ///< what it is cut from, of any database; else it begins as a new cluster
  std::optional<std::string> dump{};                 ///< a file to load, "-" for standard input
  bool archive = true;                               ///< of its branch main
  std::string profile{};                             ///< of its branch main; empty: none
  std::vector<ServerSetting> settings{};             ///< of all its branches
};

/// Makes a database with its branch `main`, running. One that is cut from another has a lineage of its own: `main` has no
/// parent, and the database inside the cluster is renamed (unless the cluster has one of that name, too). Whatever fails,
/// nothing is left.
BranchView create_database(Context& context, const CreateDatabase& request);

/// Throws `Error{usage}` unless a database may have this name.
void check_database_name(const std::string& name);

/// Throws `Error{already_exists}` where a live database has this name.
void refuse_taken_database_name(const Context& context, const std::string& name);

}  // namespace bpg::engine
