#include <unistd.h>

#include <array>
#include <optional>

#include <fmt/format.h>

#include "bpg/storage/btrfs/subvolume.hpp"
#include "bpg/storage/directory_storage.hpp"
#include "bpg/storage/errors.hpp"
#include "bpg/storage/file_system.hpp"
#include "bpg/storage/pool/pool_image.hpp"
#include "bpg/storage/pool/pool_size.hpp"
#include "bpg/storage/reflink/reflink.hpp"
#include "bpg/storage/zfs/delegation.hpp"
#include "bpg/storage/zfs/zfs_options.hpp"
#include "bpg/storage/zfs/zfs_set_up.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/random.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage {

namespace {

/// Something was asked for that only zfs has.
bool wants_zfs(const SetupRequest& request) {
  return !request.pool.empty() || !request.pool_file.empty() || !request.zfs_options.empty();
}

void check_request(const SetupRequest& request) {
  const std::array<std::string, 5> drivers{"auto", "zfs", "btrfs", "reflink", "copy"};
  if (std::find(drivers.begin(), drivers.end(), request.driver) == drivers.end()) {
    throw Error(ErrorCode::usage, fmt::format("there is no storage '{}'", request.driver),
                did_you_mean(request.driver, drivers, "Choose one of auto, zfs, btrfs, reflink and copy."));
  }
  if (wants_zfs(request) && request.driver != "auto" && request.driver != "zfs") {
    const char* option = !request.pool.empty() ? "pool" : !request.pool_file.empty() ? "pool file" : "zfs option";
    throw Error(ErrorCode::usage, fmt::format("a {} is of no use to {}", option, request.driver),
                "Leave it out, or choose --storage zfs.");
  }
  if (request.size_given && request.pool_file.empty() && (request.driver == "zfs" || request.driver == "reflink" || request.driver == "copy" ||
                             wants_zfs(request))) {
    throw Error(ErrorCode::usage, "a size is of use to a file-backed pool only",
                "Leave out --size, or choose --storage btrfs, or name the file of a zfs pool with --pool-file.");
  }
  if (request.image_bytes < min_pool_bytes) {
    throw Error(ErrorCode::usage,
                fmt::format("{} is too small for a pool", format_bytes(request.image_bytes)),
                fmt::format("Give at least {}.", format_bytes(min_pool_bytes)));
  }
  zfs::parse_options(request.zfs_options);
}

/// Empty where subvolumes can be made in `directory`; else the reason why not.
std::string why_no_subvolumes(const fs::path& directory) {
  if (!subvolume::on_btrfs(directory)) {
    return fmt::format("{} is on {}, not on btrfs", directory.string(), file_system_name(directory));
  }
  const fs::path probe = directory / fmt::format(".bpg-probe-{}", random_text(10, "0123456789abcdef"));
  try {
    subvolume::create(probe);
    subvolume::destroy(probe);
    return "";
  } catch (const Error& error) {
    return error.message();
  }
}

class Setup {
 public:
  explicit Setup(const SetupRequest& request)
      : m_request(request),
        m_base(fs::absolute(request.path.empty() ? request.home : request.path).lexically_normal()) {
    if (!m_base.has_filename()) {
      m_base = m_base.parent_path();  // "/data/" is "/data"
    }
    if (!fs::exists(m_base)) {
      make_directory(m_base, 0711);
    }
  }

  SetupResult run() {
    if (m_request.driver == "zfs" || wants_zfs(m_request)) {
      return set_up_zfs(m_request);
    }
    if (m_request.driver == "btrfs") {
      return btrfs();
    }
    if (m_request.driver == "reflink") {
      return reflink();
    }
    if (m_request.driver == "copy") {
      return copy("it was asked for");
    }
    return choose();
  }

 private:
  SetupResult choose() {
    if (m_request.size_given) {
      return image("a size was given");
    }
    if (PoolImage::in(m_base).exists()) {
      return image("the pool was here already");
    }
    if (m_request.path.empty()) {
      if (auto result = try_zfs()) {
        return *result;
      }
    }
    if (why_no_subvolumes(m_base).empty()) {
      return directories("btrfs", fmt::format("{} is on btrfs", m_base.string()));
    }
    if (why_no_reflink(m_base).empty()) {
      return directories("reflink", fmt::format("{} is on {}, which clones files", m_base.string(),
                                                file_system_name(m_base)));
    }
    const std::string unable =
        fmt::format("{} is on {}, which can neither snapshot nor clone", m_base.string(), file_system_name(m_base));
    if (::geteuid() != 0) {
      m_notes.push_back("without root no file-backed pool could be made");
      return copy(unable);
    }
    try {
      return image(unable);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) {
        throw;
      }
      m_notes.push_back(fmt::format("no file-backed pool could be made: {}", error.message()));
      return copy(unable);
    }
  }

  std::optional<SetupResult> try_zfs() {
    try {
      const bool there = ::geteuid() == 0 ? usable_zfs_pool().has_value() : zfs::find_delegation(current_account()).has_value();
      return there ? std::optional(set_up_zfs(m_request)) : std::nullopt;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) {
        throw;
      }
      m_notes.push_back(fmt::format("zfs could not be used: {}", error.message()));
      return std::nullopt;
    }
  }

  SetupResult btrfs() {
    const std::string unable = why_no_subvolumes(m_base);
    const bool here = unable.empty() && !m_request.size_given;
    if (here && !PoolImage::in(m_base).exists()) {
      return directories("btrfs", "it was asked for");
    }
    if (::geteuid() != 0) {
      throw Error(ErrorCode::storage, unable.empty() ? "only root can make a file-backed pool" : unable,
                  "Name a directory on a btrfs with --path, or run it as root to get a file-backed pool.");
    }
    return image(unable.empty() ? "it was asked for" : unable);
  }

  SetupResult reflink() {
    if (const std::string unable = why_no_reflink(m_base); !unable.empty()) {
      throw Error(ErrorCode::storage,
                  fmt::format("{} (on {}) cannot clone files: {}", m_base.string(), file_system_name(m_base), unable),
                  "Name a directory on XFS (made with reflink=1), Btrfs or bcachefs with --path.");
    }
    return directories("reflink", "it was asked for");
  }

  SetupResult copy(std::string reason) {
    m_notes.push_back("each branch is a full copy: it takes the time and the space of the whole database");
    return directories("copy", std::move(reason));
  }

  SetupResult directories(std::string driver, std::string reason) {
    make_layout(m_base);
    if (driver == "reflink") {
      m_notes.push_back("a branch takes longer the more files and fragments the database has");
    }
    return {.location = {.driver = std::move(driver), .root = m_base},
            .reason = std::move(reason),
            .notes = std::move(m_notes)};
  }

  SetupResult image(std::string reason) {
    const PoolImage pool = PoolImage::in(m_base);
    if (::geteuid() != 0 && !pool.mounted()) {
      throw Error(ErrorCode::permission, "only root can make a file-backed pool",
                  "Run it as root, or leave out --size.");
    }
    const bool fresh = !pool.exists();
    if (fresh) {
      pool.create({.bytes = affordable_size(m_request, m_base, m_notes), .preallocate = m_request.preallocate});
    }
    try {
      pool.mount(&m_notes);
      make_layout(pool.mount_point());
    } catch (const Error&) {
      if (fresh) {
        pool.remove();  // a pool that cannot be mounted would be in the way of the next attempt
      }
      throw;
    }
    m_notes.push_back(about_pool_file(m_request, pool.image()));
    return {.location = {.driver = "btrfs", .root = pool.mount_point(), .image = pool.image()},
            .reason = fmt::format("{}: a file-backed btrfs pool", reason),
            .notes = std::move(m_notes)};
  }

  const SetupRequest& m_request;
  fs::path m_base;
  std::vector<std::string> m_notes;
};

void refuse_if_in_use(const Location& location) {
  const std::unique_ptr<Storage> storage = open(location);
  const size_t volumes = storage->list_volumes().size();
  const size_t snapshots = storage->list_snapshots().size();
  if (volumes + snapshots > 0) {
    throw Error(ErrorCode::refused,
                fmt::format("{} holds {} volumes and {} snapshots", location.root.string(), volumes, snapshots),
                "Delete the databases first: 'bpg db delete NAME --force --now'.");
  }
}

/// Only what is empty, whatever else lies beside it.
void remove_layout(const fs::path& root) {
  for (const fs::path& directory : {volumes_directory(root), snapshots_directory(root)}) {
    if (::rmdir(directory.c_str()) != 0 && errno != ENOENT) {
      throw system_error(errno, fmt::format("cannot remove {}", directory.string()));
    }
  }
}

bool nothing_left(const Location& location) {
  return location.image.empty() ? !fs::exists(volumes_directory(location.root)) : !fs::exists(location.image);
}

}  // namespace

SetupResult set_up(const SetupRequest& request) {
  check_request(request);
  return in_storage("setting up the storage", [&] { return Setup(request).run(); });
}

void tear_down(const Location& location) {
  in_storage("removing the storage", [&] {
    if (location.driver == "zfs") {
      tear_down_zfs(location);
      return;
    }
    if (nothing_left(location)) {
      return;
    }
    refuse_if_in_use(location);
    if (location.image.empty()) {
      remove_layout(location.root);
    } else {
      PoolImage(location.image, location.root).remove();
    }
  });
}

}  // namespace bpg::storage
