#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bpg::wal {

/// What tells that a file has not been written to since: any write changes `changed`, which nobody can set. Good for
/// one run of the machine only: a crash may take back what was written, and not its time.
struct SourceMark {
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified = 0;  ///< nanoseconds since 1970
  int64_t changed = 0;   ///< the same, of the inode

  bool operator==(const SourceMark&) const = default;

  static SourceMark of(const struct stat& status);

  /// Long enough unchanged for another write to get another time: the clock of files ticks every 1 to 10 ms.
  bool is_settled() const;

  std::string str() const;
  static std::optional<SourceMark> parse(std::string_view text);
};

/// This run of the machine: random(4)'s boot_id. Empty where /proc does not tell.
const std::string& current_boot();

}  // namespace bpg::wal
