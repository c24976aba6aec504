#include "bpg/postgres/control_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "bpg/util/crc32c.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"

namespace bpg::postgres {

namespace fs = std::filesystem;

namespace {

constexpr size_t control_version_offset = 8;
constexpr size_t state_offset = 16;
constexpr size_t checkpoint_offset = 32;
constexpr size_t redo_offset = 40;
constexpr size_t timeline_offset = 48;
constexpr size_t max_prepared_transactions_offset = 192;
constexpr size_t segment_size_offset = 228;
constexpr size_t first_possible_crc_offset = 232;
constexpr size_t last_possible_crc_offset = 508;  // the struct fits in one 512-byte sector

constexpr uint32_t state_shut_down = 1;
constexpr uint32_t state_shut_down_in_recovery = 2;

/// Not 0, which PostgreSQL would call "no checkpoint", but a place no log will reach.
constexpr uint64_t impossible_checkpoint = 0xDEAD'DEAD'0000'0028;

template <class Number>
Number number_at(const std::string& bytes, size_t offset) {
  Number number{};
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

/// Where the CRC stands differs by version; it is where the bytes before it have that CRC.
std::optional<size_t> find_crc(const std::string& bytes) {
  for (size_t offset = first_possible_crc_offset; offset <= last_possible_crc_offset; offset += 4) {
    if (offset + 4 <= bytes.size() && number_at<uint32_t>(bytes, offset) == crc32c(bytes.data(), offset)) {
      return offset;
    }
  }
  return std::nullopt;
}

struct CheckedBytes {
  std::string bytes;
  size_t crc_offset = 0;
};

CheckedBytes read_checked(const fs::path& data_directory) {
  const fs::path path = data_directory / "global" / "pg_control";
  constexpr int tries = 20;
  for (int i = 0; i < tries; ++i) {
    std::string bytes = read_file(path);
    if (bytes.size() > last_possible_crc_offset) {
      if (const auto crc = find_crc(bytes)) {
        return {std::move(bytes), *crc};
      }
    }
    // A server that is writing it is done within microseconds; nothing tells when.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  throw Error(ErrorCode::postgres, fmt::format("{} is damaged", path.string()));
}

}  // namespace

ControlFile read_control_file(const fs::path& data_directory) {
  const std::string bytes = read_checked(data_directory).bytes;
  const auto version = number_at<uint32_t>(bytes, control_version_offset);
  if (version < 1200 || version >= 1900) {
    throw Error(ErrorCode::postgres, fmt::format("{} is of a version of PostgreSQL that betterpg does not know ({})",
                                                 data_directory.string(), version));
  }
  const auto segment_size = number_at<uint32_t>(bytes, segment_size_offset);
  if (!std::has_single_bit(segment_size) || segment_size < (1U << 20) || segment_size > (1U << 30)) {
    throw Error(ErrorCode::postgres, fmt::format("{} names a WAL segment size that cannot be ({})",
                                                 data_directory.string(), segment_size));
  }
  const auto state = number_at<uint32_t>(bytes, state_offset);
  return {.system_identifier = number_at<uint64_t>(bytes, 0),
          .shut_down = state == state_shut_down || state == state_shut_down_in_recovery,
          .checkpoint = Lsn{number_at<uint64_t>(bytes, checkpoint_offset)},
          .redo = Lsn{number_at<uint64_t>(bytes, redo_offset)},
          .timeline = number_at<uint32_t>(bytes, timeline_offset),
          .wal_segment_size = segment_size,
          .max_prepared_transactions = number_at<uint32_t>(bytes, max_prepared_transactions_offset)};
}

void copy_control_file_needing_label(const fs::path& from, const fs::path& to) {
  auto [bytes, crc_offset] = read_checked(from);
  std::memcpy(bytes.data() + checkpoint_offset, &impossible_checkpoint, sizeof impossible_checkpoint);
  const uint32_t crc = crc32c(bytes.data(), crc_offset);
  std::memcpy(bytes.data() + crc_offset, &crc, sizeof crc);
  const fs::path target = to / "global" / "pg_control";
  const UniqueFd fd = open_file(target, O_WRONLY | O_TRUNC | O_NOFOLLOW);  // in place: keeps the copy's owner and mode
  write_all(fd.get(), bytes, target);
  if (::fsync(fd.get()) != 0) {
    throw system_error(errno, fmt::format("cannot fsync {}", target.string()));
  }
}

}  // namespace bpg::postgres
