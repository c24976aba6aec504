#pragma once

#include <memory>

#include "bpg/engine/context.hpp"
#include "bpg/postgres/programs.hpp"

namespace bpg::engine {

/// The server's programs of this database's version. Throws `Error{postgres}` where they are not installed.
std::unique_ptr<postgres::Programs> programs_of(const Context& context, const Database& database);

}  // namespace bpg::engine
