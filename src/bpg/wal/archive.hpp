#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bpg/util/fd.hpp"
#include "bpg/util/file.hpp"
#include "bpg/wal/codec.hpp"
#include "bpg/wal/head.hpp"
#include "bpg/wal/name.hpp"

namespace bpg::wal {

/// Whose WAL an archive holds. Written once, when the archive is made.
struct Identity {
  uint64_t system_identifier = 0;
  uint64_t segment_size = 0;
  std::string volume{};  ///< the name that `--volume` must give; empty: none is asked for
};

/// The WAL of one volume, in a directory of its own:
///
///     archive                                 whose it is; without it there is no archive
///     kept-from                               where it begins, once WAL has been removed from it (prune.hpp)
///     00000002.history.z
///     0000000100000000/                       timeline and upper half of the segment's number
///       000000010000000000000001.z            a head (head.hpp), then a frame of zstd or lz4
///     tmp/                                    files that are being written
///
/// Each file has one name whatever its codec, so that one rename decides who stored it. Stored files never change; they
/// are read-only (0400) from when they are known to outlive a crash.
class Archive {
 public:
  /// Makes an archive in a directory that is not there yet or is empty, durably. May be repeated where it was interrupted.
  static Archive create(const fs::path& path, const Identity& identity, Owner owner = {});
  /// Throws `Error{not_found}` where there is none: nobody makes one by writing to it.
  static Archive open(const fs::path& path);

  const fs::path& path() const { return m_path; }
  const Identity& identity() const { return m_identity; }

  fs::path directory_of(const FileName& name) const;
  fs::path path_of(const FileName& name) const;

  /// The head of a stored file; nothing where it is *proven* that there is no such file. Throws where that cannot be
  /// told, and where what is there is damaged.
  std::optional<Head> find(const FileName& name) const;

  /// A stored file as an index knows it.
  struct Stored {
    Head head;
    uint64_t stored_size = 0;  ///< as it takes space, compressed and with its head
  };
  std::optional<Stored> look_at(const FileName& name) const;

  /// A cheap look whether something of that name is stored.
  bool contains(const FileName& name) const;

  /// Uncompresses a stored file into `sink`, and throws `Error{storage}` where it is not what its head says. What has
  /// been passed on until then must be thrown away.
  void read(const Head& head, const Sink& sink) const;

  /// All stored files, in the order of their names. Names that are no WAL files are left out.
  std::vector<FileName> list() const;

 private:
  Archive(fs::path path, Identity identity, UniqueFd directory);
  std::vector<FileName> list_in(const std::string& directory) const;
  std::string relative_path(const FileName& name) const;
  UniqueFd open_stored(const FileName& name) const;

  fs::path m_path;
  Identity m_identity;
  UniqueFd m_directory;
};

}  // namespace bpg::wal
