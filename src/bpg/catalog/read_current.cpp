#include "bpg/catalog/read_current.hpp"

#include "bpg/catalog/schema.hpp"
#include "bpg/catalog/sqlite.hpp"

namespace bpg::catalog {

std::optional<Catalog> read_current(const std::filesystem::path& file) {
  const auto latest = static_cast<int64_t>(migrations().size());
  Connection connection(file);
  Statement version = connection.prepare("PRAGMA user_version");
  if (version.step() && version.integer(0) < latest) {
    return std::nullopt;
  }
  return Catalog::open(file);
}

}  // namespace bpg::catalog
