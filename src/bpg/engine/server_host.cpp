#include "bpg/engine/server_host.hpp"

#include <unistd.h>

#include <sstream>

#include <fmt/format.h>

#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/installation.hpp"
#include "bpg/runtime/docker/cluster.hpp"
#include "bpg/runtime/docker/programs.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

constexpr int official_major = 17;

runtime::Image image_of(const Database& database) {
  return {{.pg_major = database.pg_major, .uid = database.image->uid, .gid = database.image->gid},
          database.image->reference,
          database.image->id};
}

/// One database may run natively in a home that was set up for containers.
void prepare_for_processes(const Context& context) {
  const Account account = native_account(context.config);
  make_directory(context.home.logs(), 0700, {account.uid, account.gid});
}

Host find_installed(const Context& context, std::optional<int> pg_major) {
  const Host host{.pg_major = postgres::choose_installation(context.config.bin_dirs, pg_major).major};
  prepare_for_processes(context);
  return host;
}

std::string contents_key(const std::string& image_id) { return "image contents/" + image_id; }

/// "15 101 103": the major version and the account's two numbers.
std::optional<runtime::ImageContents> known_image(const catalog::Catalog& catalog, const std::string& id) {
  runtime::ImageContents contents;
  std::istringstream text(catalog.value(contents_key(id)).value_or(""));
  return text >> contents.pg_major >> contents.uid >> contents.gid ? std::optional(contents) : std::nullopt;
}

void remember(Context& context, const Host& host) {
  if (!known_image(context.catalog, host.image->id)) {
    context.catalog.write([&] {
      context.catalog.set_value(contents_key(host.image->id), fmt::format("{} {} {}", host.pg_major, host.image->uid, host.image->gid));
    });
  }
}

}  // namespace

Account account_of(const Context& context, const Database& database) {
  return database.image ? Account{.name = {}, .uid = database.image->uid, .gid = database.image->gid, .groups = {}}
                        : native_account(context.config);
}

Owner owner_of(const Context& context, const Database& database) {
  const Account account = account_of(context, database);
  return {account.uid, account.gid};
}

std::unique_ptr<postgres::Programs> programs_of(const Context& context, const Database& database) {
  if (database.image) {
    return std::make_unique<runtime::ContainerPrograms>(context.runtime->docker().client(), image_of(database));
  }
  return std::make_unique<postgres::InstalledPrograms>(postgres::choose_installation(context.config.bin_dirs, database.pg_major),
                                                       native_account(context.config));
}

postgres::Place place_of(const Context& context, const Database& database) {
  if (!database.image) {
    return postgres::Place::machine;
  }
  return context.config.docker_network == runtime::host_network ? postgres::Place::container : postgres::Place::network;
}

std::optional<runtime::Container> container_of(const Context& context, const Database& database, const Volume& volume) {
  if (!database.image) {
    return std::nullopt;
  }
  runtime::Container container{.image = database.image->id,
                               .network = context.config.docker_network,
                               .shm_bytes = context.config.docker_shm_bytes,
                               .memory_bytes = context.config.docker_memory_bytes,
                               .cpus = context.config.docker_cpus};
  container.mounts.push_back({.path = context.home.programs()});
  if (volume.archived) {
    container.mounts.push_back({.path = context.home.wal_archive(volume.id), .writable = true});
  }
  const auto branch = context.catalog.branches.find(volume.branch);
  container.comes_back = branch && !branch->ephemeral;
  return container;
}

std::string official_image(std::optional<int> pg_major) { return fmt::format("postgres:{}", pg_major.value_or(official_major)); }

Host find_image(runtime::Runtimes& runtime, const std::string& reference, const runtime::KnownImages& known) {
  return step("find image", [&] {
    const runtime::Image image = runtime::find_image(runtime.docker().client(),
                                                     {.reference = reference,
                                                      .known = known,
                                                      .progress = [](const runtime::PullProgress& progress) {
                                                        trace().report({.done = progress.done, .total = progress.total});
                                                      }});
    if (::geteuid() != 0 && ::geteuid() != image.uid) {
      throw Error(ErrorCode::permission,
                  fmt::format("servers of {} run as user {}, and only root can give files to another user", reference, image.uid),
                  "Run bpg as root, or choose servers that are processes of this machine: --runtime native.");
    }
    return Host{.pg_major = image.pg_major,
                .image = Image{.reference = reference, .id = image.id, .uid = image.uid, .gid = image.gid},
                .has_entrypoint = image.has_entrypoint};
  });
}

Host find_host(Context& context, const HostRequest& request) {
  const auto usual = context.catalog.value(image_key);
  const bool in_container = request.runtime.empty() ? usual || !request.image.empty() : request.runtime == "docker";
  if (!in_container) {
    return find_installed(context, request.pg_major);
  }
  const std::string reference = !request.image.empty() ? request.image
                                : usual                ? *usual
                                                       : official_image(request.pg_major);
  const Host host = find_image(*context.runtime, reference, [&](const std::string& id) { return known_image(context.catalog, id); });
  remember(context, host);
  if (request.pg_major && *request.pg_major != host.pg_major) {
    throw Error(ErrorCode::usage, fmt::format("{} has PostgreSQL {}, not {}", reference, host.pg_major, *request.pg_major),
                fmt::format("Name another image, such as --image {}, or leave --pg-version out.", official_image(request.pg_major)));
  }
  return host;
}

void make_cluster(const Context& context, const Database& database, const Host& host, const std::filesystem::path& data_directory,
                  const postgres::ClusterOptions& options) {
  if (host.has_entrypoint) {
    runtime::make_cluster_with_entrypoint(context.runtime->docker().client(), image_of(database), data_directory, options);
  } else {
    postgres::make_cluster(*programs_of(context, database), data_directory, options);
  }
}

}  // namespace bpg::engine
