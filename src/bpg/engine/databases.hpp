#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

std::vector<DatabaseView> list_databases(const Context& context);
DatabaseView get_database(const Context& context, const std::string& name);
DatabaseView rename_database(Context& context, const std::string& from, const std::string& to);

struct DeleteDatabase {
  std::string name;
  bool force = false;  ///< also where it has branches besides main
  bool now = false;    ///< free the volumes at once instead of keeping them
};

/// Deletes the database with its branches; their volumes are kept for the retention window unless `now`.
DatabaseView delete_database(Context& context, const DeleteDatabase& request);

/// Brings back the database of that name that was deleted last, with the branches that were deleted with it.
DatabaseView undelete_database(Context& context, const std::string& name);

}  // namespace bpg::engine
