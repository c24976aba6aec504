#include "bpg/engine/waiting_wal.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>

namespace bpg::engine {

WaitingWal waiting_wal(const fs::path& data_directory) {
  WaitingWal waiting;
  std::error_code error;
  for (fs::directory_iterator entry(data_directory / "pg_wal" / "archive_status", error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat status {};
    if (entry->path().extension() != ".ready" || ::stat(entry->path().c_str(), &status) != 0) {
      continue;
    }
    // PostgreSQL never writes to it again (XLogArchiveNotify in its xlogarchive.c).
    const Time finished{std::chrono::seconds(status.st_mtim.tv_sec)};
    waiting.since = std::min(waiting.since.value_or(finished), finished);
    ++waiting.files;
  }
  return waiting;
}

}  // namespace bpg::engine
