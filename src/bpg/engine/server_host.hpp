#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bpg/engine/context.hpp"
#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/programs.hpp"
#include "bpg/postgres/settings.hpp"
#include "bpg/runtime/docker/image.hpp"

namespace bpg::engine {

/// Where the servers of a database run: as processes of this machine, or in containers of its image.

/// Who they run as, and to whom their files belong. Throws `Error{environment}` where there is no such account.
Account account_of(const Context& context, const Database& database);
Owner owner_of(const Context& context, const Database& database);

/// The server's programs of this database's version. Throws `Error{postgres}` where they are not installed.
std::unique_ptr<postgres::Programs> programs_of(const Context& context, const Database& database);

/// How their endpoints are reached.
postgres::Place place_of(const Context& context, const Database& database);

/// The container of the volume's server; nothing where that is a process of this machine. It sees bpg-wal and the volume's
/// own archive, where it has one.
std::optional<runtime::Container> container_of(const Context& context, const Database& database, const Volume& volume);

/// A database is to be made, and with what.
struct Host {
  int pg_major = 0;
  std::optional<Image> image{};  ///< nothing: processes of this machine
  bool has_entrypoint = false;   ///< the image makes a cluster in its own way
};

/// What somebody asked for.
struct HostRequest {
  std::string runtime{};          ///< "native" or "docker"; empty: as the image says, else as `bpg init` was told
  std::string image{};            ///< empty: the one that `bpg init` was given, else PostgreSQL's official one
  std::optional<int> pg_major{};  ///< the newest installed, or the image's, where it is not given
};

/// Finds it: an installation of this machine, or an image, which is pulled where this machine does not have it, and whose contents
/// are remembered: a look into it takes a container. Not in a transaction. Throws
/// `Error{usage}` where the image is of another major version, `Error{postgres}` where nothing of it is installed.
Host find_host(Context& context, const HostRequest& request);

/// The image that `bpg init --runtime docker` chose (under the key "image"); nothing: native.
inline constexpr const char* image_key = "image";

/// PostgreSQL's official image of a major version.
std::string official_image(std::optional<int> pg_major);

/// Finds or pulls the image, with its progress as a step, and checks that servers of it can run here.
Host find_image(runtime::Runtimes& runtime, const std::string& reference, const runtime::KnownImages& known = {});

/// Makes a new cluster of the database in its volume, as its image does that where it has a way of its own.
void make_cluster(const Context& context, const Database& database, const Host& host, const std::filesystem::path& data_directory,
                  const postgres::ClusterOptions& options);

}  // namespace bpg::engine
