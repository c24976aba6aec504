#include "bpg/wal/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/wal/hash.hpp"
#include "bpg/wal/input.hpp"
#include "bpg/wal/source_check.hpp"
#include "bpg/wal/temporary_file.hpp"

namespace bpg::wal {

namespace {

/// Collects small writes.
class Output {
 public:
  Output(int fd, const fs::path& path) : m_fd(fd), m_path(path) { m_buffer.reserve(capacity); }

  void write(std::span<const std::byte> bytes) {
    if (m_buffer.size() + bytes.size() > capacity) {
      flush();
    }
    if (bytes.size() >= capacity) {
      write_all(m_fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, m_path);
    } else {
      m_buffer.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  void flush() {
    write_all(m_fd, m_buffer, m_path);
    m_buffer.clear();
  }

 private:
  static constexpr size_t capacity = 128 << 10;
  int m_fd;
  const fs::path& m_path;
  std::string m_buffer;
};

void sync(int fd, const fs::path& path) {
  if (::fsync(fd) != 0) {
    throw system_error(errno, fmt::format("cannot fsync {}", path.string()));
  }
}

std::optional<Summarizer> summarizer_for(const Archive& archive, const FileName& name) {
  const uint64_t size = archive.identity().segment_size;
  if (name.kind != FileKind::segment) {
    return std::nullopt;
  }
  return std::optional<Summarizer>(std::in_place, Lsn{*name.number(size) * size}, size);
}

/// Reads the source once: checks it, hashes it, sums it up and writes it compressed behind the room for the head.
Head write_compressed(const Archive& archive, const Source& source, const StoreOptions& options, TemporaryFile& file) {
  const SourceMark before = source.mark();
  std::vector<std::byte> first(std::min<size_t>(before.size, 1024));
  first.resize(read_some(source.fd(), first, source.path()));
  check_source(archive.identity(), source, first);

  auto summarizer = summarizer_for(archive, source.name());
  const auto compressor =
      make_compressor({.codec = options.codec, .level = options.level, .content_size = before.size});
  Output output(file.fd(), file.path());
  const Sink sink = [&](std::span<const std::byte> bytes) { output.write(bytes); };
  Hash hash;
  const auto take = [&](std::span<const std::byte> bytes) {
    hash.add(bytes);
    if (summarizer) {
      summarizer->feed(bytes);
    }
    compressor->add(bytes, sink);
  };
  sink(std::vector<std::byte>(Head::stored_size));
  take(first);
  const uint64_t size = first.size() + read_pieces(source.fd(), source.path(), take);
  if (size != before.size || source.mark() != before) {
    throw Error(ErrorCode::refused, fmt::format("{} was being written to while it was read", source.path().string()));
  }
  compressor->finish(sink);
  output.flush();

  Head head{.name = source.name(), .codec = options.codec, .size = size, .hash = hash.hex(), .boot = current_boot()};
  if (before.is_settled()) {
    head.source = before;
  }
  if (summarizer) {
    head.summary = summarizer->finish();
    if (const auto& problem = summarizer->problem()) {
      options.warn(fmt::format("{} cannot be read from {} on ({}); it is stored as it is", source.path().string(),
                               problem->at.str(), problem->reason));
    }
  }
  return head;
}

void write_head(const Head& head, TemporaryFile& file) {
  if (::lseek(file.fd(), 0, SEEK_SET) != 0) {
    throw system_error(errno, fmt::format("cannot write {}", file.path().string()));
  }
  write_all(file.fd(), head.encode(), file.path());
}

/// The directory of a file. Its own name is made durable even where it is there already: whoever made it may have died.
void make_directory_for(const Archive& archive, const FileName& name) {
  const fs::path directory = archive.directory_of(name);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw system_error(errno, fmt::format("cannot create directory {}", directory.string()));
  }
  fsync_path(archive.path());
}

/// A stored file that can be found after a crash is made read-only: those who meet it again need not sync it.
void seal(int fd, const fs::path& path) {
  if (::fchmod(fd, 0400) != 0) {
    throw system_error(errno, fmt::format("cannot change the mode of {}", path.string()));
  }
}

bool is_sealed(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & 0200) == 0;
}

/// What is stored is on disk, and so are the names that lead to it: whoever stored it may have died before that.
void make_durable(const Archive& archive, const FileName& name) {
  const fs::path path = archive.path_of(name);
  const UniqueFd fd = open_file(path, O_RDONLY);
  sync(fd.get(), path);
  fsync_path(archive.directory_of(name));
  fsync_path(archive.path());
  seal(fd.get(), path);
}

std::string hash_of(const Source& source) {
  Hash hash;
  if (::lseek(source.fd(), 0, SEEK_SET) != 0) {
    throw system_error(errno, fmt::format("cannot read {}", source.path().string()));
  }
  read_pieces(source.fd(), source.path(), [&](std::span<const std::byte> bytes) { hash.add(bytes); });
  return hash.hex();
}

/// What is stored under this name must be what the source holds.
StoreResult acknowledge(const Archive& archive, const Source& source, const Head& stored) {
  const bool same_run = !stored.boot.empty() && stored.boot == current_boot();
  if (!(same_run && stored.source == source.mark())) {
    if (stored.size != source.mark().size || stored.hash != hash_of(source)) {
      throw Error(ErrorCode::refused,
                  fmt::format("{} is in the archive with other bytes", source.name().text),
                  fmt::format("Two servers must never share an archive. Find out which of {} and {} is right before "
                              "anything is removed.",
                              archive.path_of(stored.name).string(), source.path().string()));
    }
    if (!same_run) {
      // The machine may have crashed since, on a disk that lied about what was durable.
      archive.read(stored, [](std::span<const std::byte>) {});
    }
  }
  if (!(same_run && is_sealed(archive.path_of(stored.name)))) {
    step("sync stored", [&] { make_durable(archive, stored.name); });
  }
  return StoreResult::already_stored;
}

}  // namespace

Source::Source(const fs::path& path) : m_path(path) {
  auto name = FileName::parse(path.filename().string());
  if (!name) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not the name of a WAL file", path.filename().string()));
  }
  m_name = std::move(*name);
  m_fd = open_file(path, O_RDONLY);
}

SourceMark Source::mark() const {
  struct stat status {};
  if (::fstat(fd(), &status) != 0) {
    throw system_error(errno, fmt::format("cannot look at {}", m_path.string()));
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::refused, fmt::format("{} is not a regular file", m_path.string()));
  }
  return SourceMark::of(status);
}

StoreResult store(const Archive& archive, const Source& source, const StoreOptions& options) {
  if (const auto stored = archive.find(source.name())) {
    return acknowledge(archive, source, *stored);
  }
  TemporaryFile file(archive.path() / "tmp", source.name().text);
  const Head head = step("write", [&] { return write_compressed(archive, source, options, file); });
  step("write head", [&] { write_head(head, file); });
  step("sync", [&] { sync(file.fd(), file.path()); });
  step("make directory", [&] { make_directory_for(archive, source.name()); });
  const bool published = step("publish", [&] { return file.publish(archive.path_of(source.name())); });
  if (!published) {
    const auto other = archive.find(source.name());
    if (!other) {
      throw Error(ErrorCode::storage, fmt::format("{} came and went", archive.path_of(source.name()).string()));
    }
    return acknowledge(archive, source, *other);
  }
  step("sync directory", [&] { fsync_path(archive.directory_of(source.name())); });
  step("seal", [&] { seal(file.fd(), archive.path_of(source.name())); });
  return StoreResult::stored;
}

}  // namespace bpg::wal
