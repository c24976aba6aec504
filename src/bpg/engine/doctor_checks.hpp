#pragma once

#include <optional>
#include <vector>

#include "bpg/catalog/catalog.hpp"
#include "bpg/core/check.hpp"
#include "bpg/engine/config.hpp"
#include "bpg/engine/home.hpp"
#include "bpg/runtime/docker/docker_examine.hpp"
#include "bpg/storage/storage.hpp"
#include "bpg/util/process.hpp"

namespace bpg::engine {

/// What the checks of `bpg doctor` look at, as far as it could be read.
struct Patient {
  Home home;
  Config config{};
  std::optional<Account> account{};                ///< who servers run as; nothing where there is no such account
  std::optional<catalog::Catalog> catalog{};       ///< nothing: there is none, or it cannot be read
  std::optional<storage::Location> location{};     ///< nothing: `init` has not been run
};

/// The images that databases of this home run in, or are to run in; none: all are processes of this machine.
std::vector<runtime::NeededImage> images_of(const Patient& patient);

/// Do databases of this home run in containers, unless they say otherwise?
bool runs_in_containers(const Patient& patient);

/// The machine: PostgreSQL, the account, limits, the clock.
std::vector<Check> examine_postgres(const Patient& patient);
Check examine_account(const Patient& patient);
std::vector<Check> examine_limits();
Check examine_clock(const Patient& patient);

/// The home: its files, what interrupted commands left, WAL that is not archived.
std::vector<Check> examine_home(const Patient& patient);
Check examine_interrupted(const Patient& patient);
Check examine_archives(const Patient& patient);

}  // namespace bpg::engine
