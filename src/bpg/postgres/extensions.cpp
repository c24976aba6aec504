#include "bpg/postgres/extensions.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::postgres {

namespace {

struct Package {
  std::string_view extension;
  std::string_view debian;  ///< with {} for the major version
};

/// Debian's and apt.postgresql.org's packages whose name is not "postgresql-<major>-<extension>".
constexpr std::array packages{
    Package{"postgis", "postgresql-{}-postgis-3"},
    Package{"postgis_raster", "postgresql-{}-postgis-3"},
    Package{"postgis_topology", "postgresql-{}-postgis-3"},
    Package{"postgis_tiger_geocoder", "postgresql-{}-postgis-3"},
    Package{"vector", "postgresql-{}-pgvector"},
    Package{"pg_cron", "postgresql-{}-cron"},
    Package{"pg_partman", "postgresql-{}-partman"},
    Package{"pg_repack", "postgresql-{}-repack"},
    Package{"pg_hint_plan", "postgresql-{}-pg-hint-plan"},
    Package{"plpython3u", "postgresql-plpython3-{}"},
    Package{"plperl", "postgresql-plperl-{}"},
    Package{"plperlu", "postgresql-plperl-{}"},
    Package{"pltcl", "postgresql-pltcl-{}"},
    Package{"pltclu", "postgresql-pltcl-{}"},
};

/// Extensions that do nothing, or fail, unless the server loads their library when it starts.
constexpr std::array preloaded{"pg_stat_statements", "pg_cron", "pgaudit", "timescaledb", "citus", "pg_squeeze",
                               "pglogical", "pg_stat_kcache", "pg_wait_sampling", "pg_qualstats", "pg_net"};

bool is_preloaded(Session& session, const std::string& library) {
  const std::string libraries = session.query_value("SHOW shared_preload_libraries");
  return std::ranges::any_of(split(libraries, ','), [&](std::string_view entry) {
    const std::string_view name = trim(entry);
    return name == library || name.ends_with("/" + library);
  });
}

std::vector<std::string> first_column(const std::vector<Row>& rows) {
  std::vector<std::string> values;
  for (const Row& row : rows) {
    values.push_back(row.at(0).value());
  }
  return values;
}

}  // namespace

Extension Extension::parse(std::string_view text) {
  const size_t equals = text.find('=');
  Extension extension{std::string(text.substr(0, equals)), {}};
  if (equals != std::string_view::npos) {
    extension.version = text.substr(equals + 1);
  }
  if (extension.name.empty() || (equals != std::string_view::npos && extension.version.empty())) {
    throw Error(ErrorCode::usage, fmt::format("'{}' names no extension", text), "Write it as NAME or NAME=VERSION.");
  }
  return extension;
}

std::string extension_package_hint(const std::string& extension, int major) {
  const auto known = std::ranges::find(packages, extension, &Package::extension);
  std::string name = extension;
  std::ranges::replace(name, '_', '-');
  const std::string package = known == packages.end() ? fmt::format("postgresql-{}-{}", major, name)
                                                      : fmt::format(fmt::runtime(known->debian), major);
  return fmt::format("If a package brings it, that is probably 'apt-get install {}'; 'apt-cache search postgresql-{}' shows them all.",
                     package, major);
}

void check_extensions(Session& session, const std::vector<Extension>& extensions) {
  for (const Extension& extension : extensions) {
    const auto available = first_column(session.query("SELECT name FROM pg_available_extensions ORDER BY 1"));
    if (std::ranges::find(available, extension.name) == available.end()) {
      throw Error(ErrorCode::not_found, fmt::format("extension '{}' is not installed", extension.name),
                  did_you_mean(extension.name, available, extension_package_hint(extension.name, session.server_version() / 10000)));
    }
    if (!extension.version.empty()) {
      const auto versions = first_column(session.query(
          "SELECT version FROM pg_available_extension_versions WHERE name = $1 ORDER BY 1", {extension.name}));
      if (std::ranges::find(versions, extension.version) == versions.end()) {
        throw Error(ErrorCode::not_found, fmt::format("extension '{}' has no version '{}'", extension.name, extension.version),
                    fmt::format("Installed are: {}.", fmt::join(versions, ", ")));
      }
    }
    if (std::ranges::find(preloaded, extension.name) != preloaded.end() && !is_preloaded(session, extension.name)) {
      throw Error(ErrorCode::refused, fmt::format("extension '{}' works only in shared_preload_libraries", extension.name),
                  fmt::format("Give the database that setting, too: --set shared_preload_libraries={}.", extension.name));
    }
  }
}

void create_extensions(Session& session, const std::vector<Extension>& extensions) {
  for (const Extension& extension : extensions) {
    const std::string name = session.quote_identifier(extension.name);
    session.execute(fmt::format("CREATE EXTENSION IF NOT EXISTS {}{} CASCADE", name,
                                extension.version.empty() ? "" : " VERSION " + session.quote_identifier(extension.version)));
    const std::string made = session.query_value("SELECT extversion FROM pg_extension WHERE extname = $1", {extension.name});
    if (!extension.version.empty() && made != extension.version) {
      throw Error(ErrorCode::already_exists, fmt::format("extension '{}' is there already, in version {}", extension.name, made),
                  "Leave its version out, and update it afterwards with ALTER EXTENSION.");
    }
  }
}

}  // namespace bpg::postgres
