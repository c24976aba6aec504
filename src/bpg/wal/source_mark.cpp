#include "bpg/wal/source_mark.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"
#include "bpg/wal/lines.hpp"

namespace bpg::wal {

namespace {

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

}  // namespace

SourceMark SourceMark::of(const struct stat& status) {
  return {.inode = status.st_ino,
          .size = static_cast<uint64_t>(status.st_size),
          .modified = nanoseconds(status.st_mtim),
          .changed = nanoseconds(status.st_ctim)};
}

bool SourceMark::is_settled() const {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  constexpr int64_t tenth_of_a_second = 100'000'000;
  return std::max(modified, changed) + tenth_of_a_second < nanoseconds(now);
}

std::string SourceMark::str() const { return fmt::format("{} {} {} {}", inode, size, modified, changed); }

std::optional<SourceMark> SourceMark::parse(std::string_view text) {
  const auto words = split(text, ' ');
  if (words.size() != 4) {
    return std::nullopt;
  }
  const auto inode = parse_number<uint64_t>(words[0]);
  const auto size = parse_number<uint64_t>(words[1]);
  const auto modified = parse_number<int64_t>(words[2]);
  const auto changed = parse_number<int64_t>(words[3]);
  if (!inode || !size || !modified || !changed) {
    return std::nullopt;
  }
  return SourceMark{*inode, *size, *modified, *changed};
}

const std::string& current_boot() {
  static const std::string boot = []() -> std::string {
    try {
      return std::string(trim(read_file("/proc/sys/kernel/random/boot_id")));
    } catch (const Error&) {
      return {};
    }
  }();
  return boot;
}

}  // namespace bpg::wal
