#pragma once

#include <filesystem>

namespace bpg::storage::subvolume {

/// Is `path` on a Btrfs?
bool on_btrfs(const std::filesystem::path& path);

void create(const std::filesystem::path& path);

enum class Access { read_only, writable };

/// Makes `target` a snapshot of the subvolume `source`. The ioctl commits the transaction: it is durable.
void snapshot(const std::filesystem::path& source, const std::filesystem::path& target, Access access);

/// Throws `Error{refused}` where a subvolume lies in the one at `path`: a snapshot would hold an empty directory in
/// its place.
void refuse_nested(const std::filesystem::path& path);

/// Deletes the subvolume, or the plain directory, at `path` if it is there. Durable only after `commit`; the space
/// comes free some time later.
void destroy(const std::filesystem::path& path);

/// Commits what was done on the file system of `path`.
void commit(const std::filesystem::path& path);

}  // namespace bpg::storage::subvolume
