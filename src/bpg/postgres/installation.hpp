#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bpg::postgres {

/// The server binaries of one PostgreSQL major version.
struct Installation {
  int major = 0;
  std::filesystem::path bin_dir;

  std::filesystem::path program(const std::string& name) const { return bin_dir / name; }
};

/// Every installed major, newest first: in `configured` directories, in Debian's /usr/lib/postgresql/<major>/bin
/// and in PATH, in this order of preference for one major.
std::vector<Installation> find_installations(const std::vector<std::filesystem::path>& configured);

/// The one of `major`, or the newest; throws `Error{postgres}` that lists what there is.
Installation choose_installation(const std::vector<std::filesystem::path>& configured, std::optional<int> major);

/// A client program and the major version it is of.
struct Client {
  std::filesystem::path program;
  int major = 0;
};

/// The program `name` (psql, pg_restore) for a server of `major`: of the same major, else of the next newer one that is
/// installed (clients serve older servers, not newer ones), else PATH's. Nothing where there is none.
std::optional<Client> find_client(const std::string& name, const std::vector<std::filesystem::path>& configured, int major);

}  // namespace bpg::postgres
