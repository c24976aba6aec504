#include "bpg/engine/home.hpp"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg::engine {

namespace fs = std::filesystem;

namespace {

std::optional<fs::path> environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<fs::path>(value) : std::nullopt;
}

fs::path user_directory(const char* variable, const char* below_home) {
  if (const auto directory = environment_path(variable)) {
    return *directory / "betterpg";
  }
  const auto home = environment_path("HOME");
  if (!home) {
    throw Error(ErrorCode::usage, "neither BPG_HOME nor HOME is set", "Set BPG_HOME to a directory for betterpg's files.");
  }
  return *home / below_home / "betterpg";
}

void refuse_long_socket_paths(const fs::path& data) {
  constexpr size_t longest_socket_path = 107;
  const size_t below = std::string("/run/vol_0123456789/.s.PGSQL.65535").size();
  if (data.string().size() + below > longest_socket_path) {
    throw Error(ErrorCode::usage,
                fmt::format("{} is too long: a Unix socket below it would pass {} bytes", data.string(), longest_socket_path),
                fmt::format("Choose a BPG_HOME of at most {} bytes.", longest_socket_path - below));
  }
}

}  // namespace

fs::path Home::key_file() const { return environment_path("BPG_KEY_FILE").value_or(data / "secret.key"); }

Home Home::find(const std::optional<fs::path>& config) {
  Home home;
  if (const auto directory = environment_path("BPG_HOME")) {
    home = {fs::absolute(*directory).lexically_normal(), {}};
    home.config_file = home.data / "config.yaml";
  } else if (::geteuid() == 0) {
    home = {"/var/lib/betterpg", "/etc/betterpg/config.yaml"};
  } else {
    home = {user_directory("XDG_DATA_HOME", ".local/share"),
            user_directory("XDG_CONFIG_HOME", ".config") / "config.yaml"};
  }
  if (config) {
    home.config_file = *config;
  }
  refuse_long_socket_paths(home.data);
  return home;
}

}  // namespace bpg::engine
