#include "bpg/wal/archive.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <memory>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/wal/hash.hpp"
#include "bpg/wal/input.hpp"
#include "bpg/wal/lines.hpp"

namespace bpg::wal {

namespace {

constexpr const char* identity_file = "archive";
constexpr std::string_view suffix = ".z";

std::string encode(const Identity& identity) {
  Lines lines;
  lines.add("betterpg-wal-archive", 1);
  lines.add("system-identifier", identity.system_identifier);
  lines.add("segment-size", identity.segment_size);
  lines.add("volume", escape(identity.volume));
  return lines.seal();
}

Identity decode_identity(std::string_view text, const fs::path& path) {
  const auto lines = Lines::parse(text);
  const auto system_identifier = lines ? lines->find_number("system-identifier") : std::nullopt;
  const auto segment_size = lines ? lines->find_number("segment-size") : std::nullopt;
  if (!system_identifier || !segment_size || *segment_size < (1 << 20) || *segment_size > (1 << 30) ||
      (*segment_size & (*segment_size - 1)) != 0) {
    throw Error(ErrorCode::storage, fmt::format("{} is damaged", (path / identity_file).string()));
  }
  if (lines->find_number("betterpg-wal-archive") != 1) {
    throw Error(ErrorCode::storage, fmt::format("the archive in {} is of a format that this version does not know", path.string()));
  }
  return {*system_identifier, *segment_size, unescape(lines->find("volume").value_or(""))};
}

Error no_archive(const fs::path& path) {
  return Error(ErrorCode::not_found, fmt::format("there is no WAL archive in {}", path.string()),
               "Check that its file system is mounted, and that this is the directory that was set up for this volume.");
}

bool is_there(int directory, const std::string& name) {
  return ::faccessat(directory, name.c_str(), F_OK, 0) == 0;
}

/// The names in a directory of the archive at `path`; of what is no directory, or has gone meanwhile, none.
std::vector<std::string> names_in(int archive, const std::string& directory, const fs::path& path) {
  const auto fail = [&] { return system_error(errno, fmt::format("cannot read the archive in {}", path.string())); };
  const int fd = ::openat(archive, directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && (errno == ENOTDIR || errno == ENOENT)) {
    return {};
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd < 0 ? nullptr : ::fdopendir(fd), ::closedir);
  if (!entries) {
    const Error error = fail();
    if (fd >= 0) {
      ::close(fd);
    }
    throw error;
  }
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = ::readdir(entries.get()); errno = 0) {
    names.emplace_back(entry->d_name);
  }
  if (errno != 0) {
    throw fail();
  }
  return names;
}

}  // namespace

Archive::Archive(fs::path path, Identity identity, UniqueFd directory)
    : m_path(std::move(path)), m_identity(std::move(identity)), m_directory(std::move(directory)) {}

Archive Archive::create(const fs::path& path, const Identity& identity, Owner owner) {
  make_directory(path, 0700, owner);
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    // What an interrupted creation leaves: the directory for temporary files, and an identity without its name.
    if (name != "tmp" && !name.starts_with("archive.")) {
      throw Error(ErrorCode::already_exists, fmt::format("{} is not empty", path.string()));
    }
  }
  make_directory(path / "tmp", 0700, owner);
  write_file_atomic(path / identity_file, encode(identity), {.mode = 0600, .owner = owner});
  fsync_path(path.has_parent_path() ? path.parent_path() : fs::path("."));
  return open(path);
}

Archive Archive::open(const fs::path& path) {
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    throw errno == ENOENT || errno == ENOTDIR ? no_archive(path)
                                              : system_error(errno, fmt::format("cannot open {}", path.string()));
  }
  const UniqueFd file(::openat(directory.get(), identity_file, O_RDONLY | O_CLOEXEC));
  if (!file) {
    throw errno == ENOENT ? no_archive(path)
                          : system_error(errno, fmt::format("cannot open {}", (path / identity_file).string()));
  }
  std::string text(4096, '\0');
  text.resize(read_some(file.get(), std::as_writable_bytes(std::span(text)), path / identity_file));
  return {path, decode_identity(text, path), std::move(directory)};
}

std::string Archive::relative_path(const FileName& name) const {
  if (name.kind == FileKind::history) {
    return fmt::format("{}{}", name.text, suffix);
  }
  return fmt::format("{}/{}{}", name.text.substr(0, 16), name.text, suffix);
}

fs::path Archive::path_of(const FileName& name) const { return m_path / relative_path(name); }

fs::path Archive::directory_of(const FileName& name) const { return path_of(name).parent_path(); }

bool Archive::contains(const FileName& name) const { return is_there(m_directory.get(), relative_path(name)); }

/// An empty descriptor is a proof that there is no such file: the same directory still has its identity.
UniqueFd Archive::open_stored(const FileName& name) const {
  UniqueFd file(::openat(m_directory.get(), relative_path(name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno != ENOENT) {
    throw system_error(errno, fmt::format("cannot open {}", path_of(name).string()));
  }
  if (!file && !is_there(m_directory.get(), identity_file)) {
    throw no_archive(m_path);
  }
  return file;
}

std::optional<Head> Archive::find(const FileName& name) const {
  auto stored = look_at(name);
  return stored ? std::optional(std::move(stored->head)) : std::nullopt;
}

std::optional<Archive::Stored> Archive::look_at(const FileName& name) const {
  const UniqueFd file = open_stored(name);
  if (!file) {
    return std::nullopt;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw system_error(errno, fmt::format("cannot look at {}", path_of(name).string()));
  }
  std::string bytes(Head::stored_size, '\0');
  bytes.resize(read_some(file.get(), std::as_writable_bytes(std::span(bytes)), path_of(name)));
  auto head = Head::decode(bytes);
  if (!head || head->name != name) {
    throw Error(ErrorCode::storage, fmt::format("{} is damaged: its head cannot be read", path_of(name).string()),
                "Move it out of the archive and keep it; PostgreSQL then archives the segment again if it still has it.");
  }
  return Stored{std::move(*head), static_cast<uint64_t>(status.st_size)};
}

void Archive::read(const Head& head, const Sink& sink) const {
  const fs::path path = path_of(head.name);
  const UniqueFd file = open_stored(head.name);
  if (!file) {
    throw Error(ErrorCode::storage, fmt::format("{} is gone", path.string()));
  }
  if (::lseek(file.get(), Head::stored_size, SEEK_SET) < 0) {
    throw system_error(errno, fmt::format("cannot read {}", path.string()));
  }
  Hash hash;
  uint64_t size = 0;
  try {
    const auto decompressor = make_decompressor(head.codec);
    const Sink checked = [&](std::span<const std::byte> bytes) {
      size += bytes.size();
      if (size > head.size) {
        throw Error(ErrorCode::storage, "it is longer than its head says");
      }
      hash.add(bytes);
      sink(bytes);
    };
    read_pieces(file.get(), path, [&](std::span<const std::byte> piece) { decompressor->add(piece, checked); });
    decompressor->finish();
    if (size != head.size || hash.hex() != head.hash) {
      throw Error(ErrorCode::storage, "it does not hold what its head says");
    }
  } catch (const Error& error) {
    throw error.code() == ErrorCode::storage ? error.with_context(path.string()) : error;
  }
}

/// The names of the files in one of its directories, in order.
std::vector<FileName> Archive::list_in(const std::string& directory) const {
  std::vector<FileName> names;
  for (const std::string& file : names_in(m_directory.get(), directory, m_path)) {
    if (file.ends_with(suffix)) {
      if (auto name = FileName::parse(std::string_view(file).substr(0, file.size() - suffix.size()))) {
        names.push_back(std::move(*name));
      }
    }
  }
  std::ranges::sort(names, {}, &FileName::text);
  return names;
}

std::vector<FileName> Archive::list() const {
  std::vector<FileName> names = list_in(".");
  std::vector<std::string> directories = names_in(m_directory.get(), ".", m_path);
  std::erase_if(directories, [](const std::string& name) { return name.size() != 16 || name.find('.') != std::string::npos; });
  std::ranges::sort(directories);
  const auto histories = static_cast<std::ptrdiff_t>(names.size());
  for (const std::string& directory : directories) {
    std::ranges::move(list_in(directory), std::back_inserter(names));
  }
  std::ranges::inplace_merge(names, names.begin() + histories, {}, &FileName::text);
  return names;
}

}  // namespace bpg::wal
