#include "bpg/engine/init.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "bpg/catalog/store_copy.hpp"
#include "bpg/engine/recover.hpp"
#include "bpg/engine/server_host.hpp"
#include "bpg/postgres/installation.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

void make_directories(const Home& home, const Owner& owner) {
  make_directory(home.data, 0711);
  make_directory(home.locks(), 0700);
  make_directory(home.sockets(), 0711);
  make_directory(home.logs(), 0700, owner);
}

/// The server's account must be able to go down to the volumes.
void require_passable(const fs::path& directory, const Account& account) {
  if (::geteuid() != 0) {
    return;
  }
  const auto result = run({"test", "-x", directory.string()}, {.account = account, .directory = "/"});
  if (result.exit_status != 0) {
    throw Error(ErrorCode::permission, fmt::format("account '{}' cannot enter {}", account.name, directory.string()),
                "Servers run as that account: give it the right to pass (chmod o+x) on each directory above, or choose "
                "another place with BPG_HOME or --path.");
  }
}

void refuse_other_choice(const Init& request, const storage::Location& location) {
  if (request.driver != "auto" && request.driver != location.driver) {
    throw Error(ErrorCode::refused,
                fmt::format("betterpg is already set up on {}, in {}", location.driver, location.root.string()),
                "Remove that with 'bpg init --remove', or use another BPG_HOME.");
  }
  if (!request.pool_file.empty() && request.pool_file != location.image) {
    throw Error(ErrorCode::refused, fmt::format("betterpg is already set up in {}, without that pool", location.root.string()),
                "Remove that with 'bpg init --remove', or use another BPG_HOME.");
  }
  if (!request.zfs_options.empty()) {
    throw Error(ErrorCode::refused, "the options of a dataset are chosen when it is made",
                location.dataset.empty() ? "Leave out --zfs-option."
                                         : fmt::format("Change it for what is written from now on: 'zfs set {} {}'.",
                                                       request.zfs_options.front(), location.dataset));
  }
}

/// The image that this home was set up with, or is to be; nothing: its servers are processes of this machine.
std::optional<std::string> choose_image(const Init& request, const Home& home) {
  const bool wants_docker = request.runtime == "docker" || !request.image.empty();
  const std::string wanted = request.image.empty() ? official_image(std::nullopt) : request.image;
  if (is_there(home.catalog())) {
    auto catalog = catalog::Catalog::open(home.catalog());
    if (catalog.value(storage_key)) {
      const auto known = catalog.value(image_key);
      const bool other = known ? request.runtime == "native" || (!request.image.empty() && request.image != *known) : wants_docker;
      if (other) {
        throw Error(ErrorCode::refused,
                    known ? fmt::format("betterpg is already set up to run servers in containers of {}", *known)
                          : "betterpg is already set up to run servers as processes of this machine",
                    "One database may differ: 'bpg db create NAME --runtime native', or --image. To change the default, remove "
                    "what is set up with 'bpg init --remove', or use another BPG_HOME.");
      }
      return known;
    }
  }
  return wants_docker ? std::optional(wanted) : std::nullopt;
}

/// Checks that servers can run, and fills in where and as whom. Who betterpg's logs belong to.
Account find_runtime(const Init& request, const Home& home, const Config& config, InitResult& result) {
  if (const auto image = choose_image(request, home)) {
    result.image = *image;
    runtime::Runtimes runtimes(config.docker_host);
    const Host host = find_image(runtimes, *image);
    result.pg_versions = {host.pg_major};
    return current_account();
  }
  for (const auto& installation : postgres::find_installations(config.bin_dirs)) {
    result.pg_versions.push_back(installation.major);
  }
  postgres::choose_installation(config.bin_dirs, std::nullopt);
  const Account account = native_account(config);
  result.account = account.name;
  return account;
}

/// Everything of betterpg's own except the key. (The configuration is the user's.)
void remove_files(const Home& home) {
  for (const fs::path& path : {home.locks(), home.sockets(), home.logs(), home.programs()}) {
    remove_tree(path);
  }
  catalog::remove_store(home.catalog());
  std::error_code not_empty;
  fs::remove(home.wal_archives(), not_empty);
  fs::remove(home.data, not_empty);
}

[[noreturn]] void refuse_to_begin_anew(const fs::path& place) {
  throw Error(ErrorCode::refused, fmt::format("{} holds volumes of a catalog that is gone", place.string()),
              "Put catalog.db or catalog.db.copy back from a backup; each volume's manifest.json tells what it is. To begin anew, use "
              "another BPG_HOME.");
}

/// Servers run, or ran, of which no catalog tells.
void refuse_over_servers(const Home& home) {
  std::error_code ignored;
  if (!is_there(home.catalog()) && fs::directory_iterator(home.sockets(), ignored) != fs::directory_iterator()) {
    refuse_to_begin_anew(home.data);
  }
}

/// What an interrupted command made after the copy is not in it.
std::vector<std::string> strangers(const catalog::Catalog& catalog, const storage::Storage& storage) {
  std::vector<std::string> found;
  for (const VolumeId& volume : storage.list_volumes()) {
    if (!catalog.volumes.find(volume)) {
      found.push_back(fmt::format("the copy does not know {}: its manifest.json tells what it is", storage.volume_path(volume).string()));
    }
  }
  return found;
}

/// A home that was not there before `init` goes again where that fails, and with it the storage that was made.
class NewHome {
 public:
  explicit NewHome(const Home& home)
      : m_home(home), m_key_is_new(!is_there(home.key_file())), m_done(is_there(home.catalog())) {}
  NewHome(const NewHome&) = delete;
  NewHome& operator=(const NewHome&) = delete;

  ~NewHome() {
    if (m_done) {
      return;
    }
    const HoldInterrupts hold;
    try {
      if (m_storage) {  // throws where it holds volumes: then nothing is removed
        storage::tear_down(*m_storage);
      }
      if (m_key_is_new) {
        remove_tree(m_home.key_file());
      }
      remove_files(m_home);
    } catch (const std::exception&) {
      // The error that brought us here is the one to tell; the next `init` goes on with what is left.
    }
  }

  void has(const storage::Location& storage) { m_storage = storage; }
  void done() { m_done = true; }

 private:
  Home m_home;
  bool m_key_is_new;
  std::optional<storage::Location> m_storage;
  bool m_done;
};

}  // namespace

InitResult init(const Init& request) {
  const Home home = Home::find(request.config_file);
  const Config config = load_config(home.config_file);
  InitResult result{.put_back = catalog::put_copy_back(home.catalog()), .home = home.data};
  refuse_over_servers(home);
  const Account account = find_runtime(request, home, config, result);

  NewHome new_home(home);
  step("make home", [&] { make_directories(home, {account.uid, account.gid}); });
  if (result.image.empty()) {
    require_passable(home.data, account);
  }
  Secrets::make_key(home.key_file());
  auto catalog = catalog::Catalog::open(home.catalog());
  if (const auto known = catalog.value(storage_key)) {
    result.already_done = true;
    result.location = location_from_json(*known);
    new_home.done();  // another process was faster
    refuse_other_choice(request, result.location);
    const auto storage = storage::open(result.location);
    if (result.put_back) {
      result.notes = strangers(catalog, *storage);
    }
    return result;
  }
  storage::SetupRequest setup{.driver = request.driver,
                              .pool = request.pool,
                              .path = request.path,
                              .pool_file = request.pool_file,
                              .zfs_options = request.zfs_options,
                              .home = home.data,
                              .size_given = request.image_bytes.has_value(),
                              .preallocate = request.preallocate};
  setup.image_bytes = request.image_bytes.value_or(setup.image_bytes);
  const auto made = step("set up storage", [&] { return storage::set_up(setup); });
  result.location = made.location;
  result.reason = made.reason;
  result.notes = made.notes;
  new_home.has(made.location);
  if (!storage::open(made.location)->list_volumes().empty()) {
    refuse_to_begin_anew(made.location.root);
  }
  if (result.image.empty()) {
    require_passable(made.location.root, account);
  }
  step("store choices", [&] {
    catalog.write([&] {
      catalog.set_value(storage_key, to_json(made.location));
      if (!result.image.empty()) {
        catalog.set_value(image_key, result.image);
      }
    });
  });
  new_home.done();
  return result;
}

InitResult remove_init(const std::optional<std::filesystem::path>& config_file) {
  auto context = open_context(config_file);
  recover(*context);
  const auto databases = context->catalog.databases.list_live();
  if (!databases.empty()) {
    throw Error(ErrorCode::refused, fmt::format("there are still databases, '{}' among them", databases.front().name),
                "Delete them first: 'bpg db delete NAME --force --now'.");
  }
  if (const auto kept = context->catalog.volumes.list(); !kept.empty()) {
    throw Error(ErrorCode::refused, fmt::format("{} volumes of deleted branches are still kept", kept.size()),
                "Free them first: 'bpg cleanup --now'.");
  }
  InitResult result{.home = context->home.data, .location = context->storage->location()};
  const Home home = context->home;
  context.reset();
  step("tear down storage", [&] { storage::tear_down(result.location); });
  remove_tree(home.key_file());
  remove_files(home);
  return result;
}

}  // namespace bpg::engine
