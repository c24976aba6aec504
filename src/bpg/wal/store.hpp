#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bpg/util/fd.hpp"
#include "bpg/wal/archive.hpp"

namespace bpg::wal {

/// A WAL file of a server, opened for reading.
class Source {
 public:
  /// `path` must end in the name of a WAL file.
  explicit Source(const fs::path& path);

  const fs::path& path() const { return m_path; }
  const FileName& name() const { return m_name; }
  int fd() const { return m_fd.get(); }
  SourceMark mark() const;  ///< as the file is now

 private:
  fs::path m_path;
  FileName m_name;
  UniqueFd m_fd;
};

struct StoreOptions {
  Codec codec = Codec::zstd;
  int level = levels_of(Codec::zstd).standard;
  /// Told what is odd and yet stored.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

enum class StoreResult {
  stored,
  already_stored,  ///< the same bytes; they are durable now
};

/// Brings one file into the archive, durably. Throws where it does not belong there (another cluster, another segment
/// size, a wrong name, torn), and `Error{refused}` where other bytes are stored under its name.
StoreResult store(const Archive& archive, const Source& source, const StoreOptions& options);

}  // namespace bpg::wal
