#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bpg/catalog/catalog.hpp"
#include "bpg/engine/config.hpp"
#include "bpg/engine/home.hpp"
#include "bpg/engine/secrets.hpp"
#include "bpg/runtime/runtimes.hpp"
#include "bpg/storage/storage.hpp"
#include "bpg/util/clock.hpp"
#include "bpg/util/process.hpp"

namespace bpg::engine {

struct RestorePlan;  // restore_plan.hpp

/// What every use case works with. Opened once a command; used by one thread.
struct Context {
  Config config;
  Home home;
  catalog::Catalog catalog;
  std::unique_ptr<storage::Storage> storage;
  std::unique_ptr<runtime::Runtimes> runtime;
  Secrets secrets;
  const Clock& clock;
  /// Told how a moment will be reached, before anything is made for it.
  std::function<void(const RestorePlan&)> before_restore = [](const RestorePlan&) {};

  bool atomic() const { return storage->traits().atomic_snapshot; }
};

/// Opens what `bpg init` made; throws `Error{not_initialised}` where it has not been run.
std::unique_ptr<Context> open_context(const std::optional<std::filesystem::path>& config_file);

/// Who servers run as that are processes of this machine: `native.user` under root, else the user who runs bpg. Throws where there
/// is no such account.
Account native_account(const Config& config);

/// The storage's location as the catalog keeps it (JSON under the key "storage").
inline constexpr const char* storage_key = "storage";
std::string to_json(const storage::Location& location);
storage::Location location_from_json(const std::string& text);

}  // namespace bpg::engine
