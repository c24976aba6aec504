#include "bpg/engine/server_host.hpp"

namespace bpg::engine {

std::unique_ptr<postgres::Programs> programs_of(const Context& context, const Database& database) {
  return std::make_unique<postgres::InstalledPrograms>(postgres::choose_installation(context.config.bin_dirs, database.pg_major),
                                                       context.account);
}

}  // namespace bpg::engine
