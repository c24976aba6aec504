#include "bpg/storage/zfs/zfs_options.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "bpg/storage/zfs/zfs_command.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage::zfs {

namespace {

constexpr std::array<std::string_view, 4> betterpg_decides{"canmount", "mountpoint", "readonly", "zoned"};

/// zfs(8) takes the titles of its columns for names, too.
std::string full_name(const std::string& name) {
  return name == "recsize" ? "recordsize" : name == "compress" ? "compression" : name;
}

bool looks_like_a_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

const std::vector<DatasetOption>& dataset_options() {
  static const std::vector<DatasetOption> table{
      {.name = "recordsize",
       .values = {"16K"},
       .reason = "PostgreSQL writes pages of 8 kB: in a record of 128 kB each would rewrite 16 of them. 16 kB halve the metadata "
                 "and leave compression something to save on disks with sectors of 4 kB"},
      {.name = "compression",
       .values = {"lz4", "on"},
       .reason = "pages compress well, and lz4 costs less time than the bytes that it saves"},
      {.name = "atime", .values = {"off"}, .reason = "a read must not write: each access time would make clones differ"},
      {.name = "xattr",
       .values = {"sa"},
       .reason = "labels that security modules put on files stand in the file's own node instead of in a hidden directory"},
      {.name = "logbias",
       .values = {"latency"},
       .reason = "WAL is in the same dataset, and a commit waits for it; throughput would scatter what is written"},
      {.name = "primarycache",
       .values = {"all"},
       .reason = "servers get small shared_buffers, and what clones share is cached once for all of them"},
      {.name = "sync", .values = {"standard"}, .reason = "a pool with sync=disabled would lose transactions that were committed"},
      {.name = "dedup", .values = {"off"}, .reason = "clones share their blocks without a table of all blocks in memory"}};
  return table;
}

Options parse_options(std::span<const std::string> texts) {
  Options options;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == std::string::npos || equals + 1 == text.size() || !looks_like_a_name(name)) {
      throw Error(ErrorCode::usage, fmt::format("'{}' is no option of a zfs dataset", text),
                  "Say it like recordsize=8K or compression=zstd.");
    }
    if (std::ranges::find(betterpg_decides, name) != betterpg_decides.end()) {
      throw Error(ErrorCode::usage, fmt::format("betterpg decides itself on {}", name), "Leave it out.");
    }
    if (!options.emplace(full_name(name), text.substr(equals + 1)).second) {
      throw Error(ErrorCode::usage, fmt::format("{} is given twice", name), "Take one of them out.");
    }
  }
  return options;
}

std::vector<std::string> apply_default_options(const std::string& dataset, const Options& chosen) {
  std::vector<std::string> unknown;
  for (const DatasetOption& option : dataset_options()) {
    if (chosen.contains(option.name)) {
      continue;
    }
    const bool known = std::ranges::any_of(option.values, [&](const std::string& value) {
      try {
        run_zfs({"set", fmt::format("{}={}", option.name, value), dataset});
        return true;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::storage) {
          throw;
        }
        return false;
      }
    });
    if (!known) {
      unknown.push_back(option.name);
    }
  }
  return unknown;
}

}  // namespace bpg::storage::zfs
