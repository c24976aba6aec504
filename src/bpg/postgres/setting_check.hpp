#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/core/model.hpp"
#include "bpg/postgres/programs.hpp"

namespace bpg::postgres {

/// Asks the server's binary, without a server, whether it takes these settings: names, units, ranges, values of
/// enumerations. Else throws `Error{usage}` in its words, with the name that was probably meant. Of a setting of an
/// extension ("pg_stat_statements.max") only the form of its name is looked at, as PostgreSQL does.
void check_settings(const Programs& programs, const std::vector<ServerSetting>& settings);

/// Throws `Error{refused}`, with the reason, for what betterpg must decide itself, such as the port.
void refuse_fixed_setting(const ServerSetting& setting);

/// The names that `postgres --describe-config` lists, in lower case: all but those for developers.
std::vector<std::string> setting_names(const Programs& programs);

}  // namespace bpg::postgres
