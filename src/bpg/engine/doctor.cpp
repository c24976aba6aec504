#include "bpg/engine/doctor.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "bpg/catalog/read_current.hpp"
#include "bpg/catalog/store_copy.hpp"
#include "bpg/engine/context.hpp"
#include "bpg/engine/doctor_checks.hpp"
#include "bpg/engine/server_host.hpp"
#include "bpg/runtime/docker/docker_examine.hpp"
#include "bpg/storage/examine.hpp"
#include "bpg/util/error.hpp"

namespace bpg::engine {

namespace {

using enum Check::Verdict;

/// Runs one step of the examination; an error becomes a finding, so that the other steps are done, too.
template <class Work>
void attempt(std::vector<Check>& checks, const char* name, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) {
      throw;
    }
    checks.push_back({name, missing, error.message(), error.hint()});
  }
}

void append(std::vector<Check>& checks, std::vector<Check> more) {
  std::ranges::move(more, std::back_inserter(checks));
}

void read_configuration(Patient& patient, std::vector<Check>& checks) {
  attempt(checks, "configuration", [&] {
    patient.config = load_config(patient.home.config_file);
    std::error_code unreadable;
    checks.push_back({"configuration", ok,
                      std::filesystem::exists(patient.home.config_file, unreadable)
                          ? patient.home.config_file.string()
                          : fmt::format("all defaults; there is no {}", patient.home.config_file.string())});
  });
  try {
    patient.account = native_account(patient.config);
  } catch (const Error&) {
    // `examine_account` says so.
  }
}

void read_catalog(Patient& patient, std::vector<Check>& checks) {
  attempt(checks, "catalog", [&] {
    const auto file = patient.home.catalog();
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
      if (error) {
        throw Error(ErrorCode::permission, fmt::format("cannot look into {}: {}", patient.home.data.string(), error.message()),
                    "run bpg as the account that ran 'bpg init', or set BPG_HOME");
      }
      if (catalog::has_copy(file)) {
        checks.push_back({"catalog", missing, fmt::format("{} is gone; the copy that is kept beside it is there", file.string()), "bpg init"});
        return;
      }
      checks.push_back({"catalog", warning, fmt::format("betterpg has not been set up in {}", patient.home.data.string()), "bpg init"});
      return;
    }
    if (auto catalog = catalog::read_current(file)) {
      patient.catalog.emplace(std::move(*catalog));
    } else {
      checks.push_back({"catalog", warning, "an older bpg made it: the next command brings it up to date", "bpg status"});
      return;
    }
    const auto location = patient.catalog->value(storage_key);
    if (!location) {
      checks.push_back({"catalog", warning, "'bpg init' was interrupted", "bpg init"});
      return;
    }
    patient.location = location_from_json(*location);
    if (runs_in_containers(patient)) {
      patient.account.reset();
    }
    checks.push_back({"catalog", ok, file.string()});
  });
}

}  // namespace

bool runs_in_containers(const Patient& patient) { return patient.catalog && patient.catalog->value(image_key); }

std::vector<runtime::NeededImage> images_of(const Patient& patient) {
  std::vector<runtime::NeededImage> images;
  if (!patient.catalog) {
    return images;
  }
  for (const Database& database : patient.catalog->databases.list_live()) {
    if (database.image && std::ranges::find(images, database.image->id, &runtime::NeededImage::id) == images.end()) {
      images.push_back({database.image->id, database.image->reference});
    }
  }
  const auto reference = patient.catalog->value(image_key);
  if (reference && std::ranges::find(images, *reference, &runtime::NeededImage::reference) == images.end()) {
    images.push_back({*reference, *reference});
  }
  return images;
}

std::vector<Check> examine(const std::optional<std::filesystem::path>& config_file) {
  std::vector<Check> checks;
  Patient patient{.home = Home::find(config_file)};
  read_configuration(patient, checks);
  read_catalog(patient, checks);
  append(checks, examine_postgres(patient));
  checks.push_back(examine_account(patient));
  attempt(checks, "storage", [&] {
    append(checks, storage::examine({.location = patient.location,
                                     .home = patient.home.data,
                                     .reserve_bytes = patient.config.reserve_bytes}));
  });
  if (patient.location) {
    attempt(checks, "home", [&] { append(checks, examine_home(patient)); });
    attempt(checks, "interrupted", [&] { checks.push_back(examine_interrupted(patient)); });
    attempt(checks, "WAL archives", [&] { checks.push_back(examine_archives(patient)); });
  }
  attempt(checks, "docker", [&] { append(checks, runtime::examine_docker(patient.config.docker_host, images_of(patient))); });
  append(checks, examine_limits());
  checks.push_back(examine_clock(patient));
  return checks;
}

}  // namespace bpg::engine
