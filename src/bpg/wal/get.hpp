#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bpg/core/lsn.hpp"
#include "bpg/wal/name.hpp"

namespace bpg::wal {

namespace fs = std::filesystem;

/// The archive of a volume that this one came from, as far as its history is also ours.
struct Ancestor {
  fs::path archive;
  uint32_t timeline = 0;  ///< the parent's when it was left; later ones are foreign
  Lsn fork;               ///< where it was left: a segment that reaches beyond holds foreign WAL

  /// "TIMELINE:LSN:DIRECTORY"
  static std::optional<Ancestor> parse(std::string_view text);
};

struct GetRequest {
  fs::path archive;
  std::vector<Ancestor> ancestors{};  ///< asked in this order for what the archive does not have
  std::string name;                   ///< %f
  fs::path destination;               ///< %p
  fs::path spool{};                   ///< where segments are kept that were fetched ahead; empty: none are
  unsigned prefetch = 8;              ///< how many at most
  unsigned jobs = 2;
};

enum class GetResult {
  restored,
  absent,  ///< proven: the archives can be read, and there is no such file in them
};

/// restore_command. Throws where it cannot tell, and where what is stored is damaged; then there is no `destination`.
GetResult get(const GetRequest& request);

}  // namespace bpg::wal
