#include "bpg/wal/spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"
#include "bpg/wal/hash.hpp"
#include "bpg/wal/lines.hpp"
#include "bpg/wal/mapping.hpp"
#include "bpg/wal/temporary_file.hpp"

namespace bpg::wal {

namespace {

/// Recovery waits for this. Whoever put the file here has closed it, and nobody else writes to it; should mapping it end
/// the process all the same, PostgreSQL takes a signal for a failure, and not for the end of the WAL.
bool holds(int fd, const fs::path& path, const Head& head) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || static_cast<uint64_t>(status.st_size) != head.size) {
    return false;
  }
  Hash hash;
  map_pieces(fd, head.size, path, [&](std::span<const std::byte> bytes) { hash.add(bytes); });
  return hash.hex() == head.hash;
}

}  // namespace

fs::path Spool::path_of(const Head& head) const { return m_directory / fmt::format("{}.{}", head.name.text, head.hash); }

bool Spool::take(const Head& head, const fs::path& destination) const {
  const fs::path path = path_of(head);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    return false;
  }
  if (!holds(fd.get(), path, head)) {
    ::unlink(path.c_str());
    return false;
  }
  return ::rename(path.c_str(), destination.c_str()) == 0;
}

void Spool::put(const Archive& archive, const Head& head) const {
  make_directory(m_directory, 0700);
  TemporaryFile file(m_directory, "tmp");
  archive.read(head, [&](std::span<const std::byte> bytes) {
    write_all(file.fd(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.path());
  });
  file.publish(path_of(head));
}

std::optional<Spool::Progress> Spool::progress() const {
  const auto text = read_file_if_exists(m_directory / "progress");
  const auto words = text ? split(trim(*text), ' ') : std::vector<std::string_view>{};
  if (words.size() != 2) {
    return std::nullopt;
  }
  return Progress{std::string(words[0]), parse_number<uint32_t>(words[1]).value_or(0)};
}

void Spool::set_progress(const Progress& progress) const {
  make_directory(m_directory, 0700);
  write_file_atomic(m_directory / "progress", fmt::format("{} {}\n", progress.expected, progress.ahead),
                    {.mode = 0600, .durable = false});
}

void Spool::remove() const {
  std::error_code ignored;
  fs::remove_all(m_directory, ignored);
}

}  // namespace bpg::wal
