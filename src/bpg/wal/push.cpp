#include "bpg/wal/push.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <vector>

#include <fmt/format.h>

#include "bpg/postgres/control_file.hpp"
#include "bpg/util/error.hpp"
#include "bpg/wal/parallel.hpp"
#include "bpg/wal/temporary_file.hpp"

namespace bpg::wal {

namespace {

/// At most this many segments are looked at ahead: the list of a long backlog is not sorted again for every call.
constexpr size_t furthest = 256;

void check_owner(const Archive& archive, const PushRequest& request) {
  const Identity& identity = archive.identity();
  if (!request.volume.empty() && request.volume != identity.volume) {
    throw Error(ErrorCode::refused, fmt::format("the archive in {} is of the volume '{}', not of '{}'",
                                                archive.path().string(), identity.volume, request.volume));
  }
  const auto control = postgres::read_control_file(request.data_directory);
  if (control.system_identifier != identity.system_identifier) {
    throw Error(ErrorCode::refused, fmt::format("the archive in {} is of the cluster {}, and this one is {}",
                                                archive.path().string(), identity.system_identifier,
                                                control.system_identifier));
  }
  if (control.wal_segment_size != identity.segment_size) {
    throw Error(ErrorCode::refused, fmt::format("the archive in {} is of segments of {} bytes, and here they are {}",
                                                archive.path().string(), identity.segment_size, control.wal_segment_size));
  }
}

/// The segments of the same timeline that PostgreSQL will ask for next. Those of another must wait for its history.
std::vector<fs::path> ready_after(const Source& source) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(source.path().parent_path() / "archive_status", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() != ".ready") {
      continue;
    }
    const auto name = FileName::parse(entry->path().stem().string());
    if (name && name->kind == FileKind::segment && name->timeline == source.name().timeline &&
        name->text > source.name().text) {
      names.push_back(name->text);
    }
  }
  std::sort(names.begin(), names.end());
  names.resize(std::min(names.size(), furthest));
  std::vector<fs::path> paths;
  for (const std::string& name : names) {
    paths.push_back(source.path().parent_path() / name);
  }
  return paths;
}

/// Stores the source and what waits behind it.
PushResult store_with_others(const Archive& archive, const Source& source, const PushRequest& request) {
  const std::vector<fs::path> others =
      request.jobs > 1 && source.name().kind == FileKind::segment ? ready_after(source) : std::vector<fs::path>{};
  const auto deadline = std::chrono::steady_clock::now() + request.look_ahead_for;
  PushResult result;
  std::exception_ptr failure;
  std::atomic<size_t> ahead = 0;
  std::atomic<bool> failed = false;  // where one cannot be stored, the next would hardly be
  std::mutex mutex;
  const StoreOptions options{.codec = request.store.codec, .level = request.store.level, .warn = [&](const std::string& text) {
                               const std::lock_guard guard(mutex);
                               request.store.warn(text);
                             }};
  for_each_of(1 + others.size(), request.jobs, [&](size_t index) {
    try {
      if (index == 0) {
        result.result = store(archive, source, options);
      } else if (!failed && std::chrono::steady_clock::now() < deadline) {
        const Source other(others[index - 1]);
        if (!archive.contains(other.name()) && store(archive, other, options) == StoreResult::stored) {
          ++ahead;
        }
      }
    } catch (const std::exception& error) {
      failed = true;
      if (index == 0) {
        failure = std::current_exception();
      } else {
        options.warn(fmt::format("looking ahead: {}", error.what()));
      }
    }
  });
  if (failure) {
    std::rethrow_exception(failure);
  }
  result.ahead = ahead;
  return result;
}

}  // namespace

PushResult push(const PushRequest& request) {
  const Archive archive = Archive::open(request.archive);
  check_owner(archive, request);
  const Source source(request.source);
  if (archive.contains(source.name())) {
    return {.result = store(archive, source, request.store)};
  }
  remove_abandoned_files(archive.path() / "tmp");
  return store_with_others(archive, source, request);
}

}  // namespace bpg::wal
