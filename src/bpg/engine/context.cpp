#include "bpg/engine/context.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bpg/catalog/store_copy.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

[[noreturn]] void throw_not_initialised(const Home& home) {
  throw Error(ErrorCode::not_initialised, fmt::format("betterpg has not been set up in {}", home.data.string()),
              "Run 'bpg init' first. It says what it chooses and why.");
}

/// Every home belongs to one account.
Error with_account_hint(const Error& error) {
  return error.code() == ErrorCode::permission
             ? Error(error.code(), error.message(), "Run bpg as the account that ran 'bpg init', or set BPG_HOME to a directory of your own.")
             : error;
}

catalog::Catalog open_catalog(const Home& home) {
  try {
    return catalog::Catalog::open(home.catalog());
  } catch (const Error& error) {
    throw with_account_hint(error);
  }
}

}  // namespace

Account native_account(const Config& config) {
  if (::geteuid() != 0) {
    return current_account();
  }
  const auto account = find_account(config.native_user);
  if (!account) {
    throw Error(ErrorCode::environment, fmt::format("there is no account '{}' to run servers as", config.native_user),
                "PostgreSQL does not run as root. Install PostgreSQL, which makes the account, or set native.user.");
  }
  if (account->uid == 0) {
    throw Error(ErrorCode::usage, "native.user is root", "PostgreSQL does not run as root: name another account.");
  }
  return *account;
}

std::string to_json(const storage::Location& location) {
  return nlohmann::json{{"driver", location.driver},
                        {"root", location.root.string()},
                        {"dataset", location.dataset},
                        {"image", location.image.string()}}
      .dump();
}

storage::Location location_from_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return {.driver = json.at("driver"),
          .root = json.at("root").get<std::string>(),
          .dataset = json.at("dataset"),
          .image = json.at("image").get<std::string>()};
}

std::unique_ptr<Context> open_context(const std::optional<std::filesystem::path>& config_file) {
  const Home home = Home::find(config_file);
  const Config config = load_config(home.config_file);
  std::error_code error;
  if (!std::filesystem::exists(home.catalog(), error)) {
    if (error) {
      throw with_account_hint(system_error(error.value(), fmt::format("cannot look into {}", home.data.string())));
    }
    if (catalog::has_copy(home.catalog())) {
      throw Error(ErrorCode::environment, fmt::format("the catalog {} is gone", home.catalog().string()),
                  "'bpg init' puts back the copy that is kept beside it. Running servers are not affected.");
    }
    throw_not_initialised(home);
  }
  auto catalog = step("open catalog", [&] { return open_catalog(home); });
  const auto location = catalog.value(storage_key);
  if (!location) {
    throw_not_initialised(home);
  }
  auto storage = step("open storage", [&] { return storage::open(location_from_json(*location)); });
  return std::unique_ptr<Context>(new Context{.config = config,
                                              .home = home,
                                              .catalog = std::move(catalog),
                                              .storage = std::move(storage),
                                              .runtime = std::make_unique<runtime::Runtimes>(config.docker_host),
                                              .secrets = Secrets(home.key_file()),
                                              .clock = system_clock()});
}

}  // namespace bpg::engine
