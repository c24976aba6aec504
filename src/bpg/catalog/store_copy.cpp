#include "bpg/catalog/store_copy.hpp"

#include <sys/stat.h>
#include <zlib.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "bpg/catalog/sqlite.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"

namespace bpg::catalog {

namespace {

/// The newer first.
std::array<fs::path, 2> copies_of(const fs::path& file) { return {file.string() + ".copy", file.string() + ".copy.1"}; }

/// Stands behind the bytes of the store. SQLite itself does not see everything that is wrong with them, nor that there are none.
std::string checksum(std::string_view bytes) {
  return fmt::format("{:08x}", ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

constexpr size_t checksum_length = 8;

/// The store that a copy holds; nothing where the copy is not whole.
std::optional<std::string> store_in(const fs::path& copy) {
  auto bytes = read_file_if_exists(copy);
  if (!bytes || bytes->size() <= checksum_length) {
    return std::nullopt;
  }
  const std::string expected = bytes->substr(bytes->size() - checksum_length);
  bytes->resize(bytes->size() - checksum_length);
  return checksum(*bytes) == expected ? std::move(bytes) : std::nullopt;
}

Time modified_at(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    throw system_error(errno, fmt::format("cannot look at {}", file.string()));
  }
  return Time(std::chrono::duration_cast<Time::duration>(std::chrono::seconds(status.st_mtim.tv_sec) +
                                                         std::chrono::nanoseconds(status.st_mtim.tv_nsec)));
}

/// SQLite's own files beside a store.
void remove_companions(const fs::path& file) {
  for (const char* suffix : {"-wal", "-shm"}) {
    remove_tree(file.string() + suffix);
  }
}

}  // namespace

void renew_copy(Connection& connection) {
  Transaction nobody_writes(connection);
  const std::string store = connection.serialize();
  const auto [copy, before] = copies_of(connection.file());
  const fs::path next = copy.string() + ".new";
  write_file_atomic(next, store + checksum(store), {.mode = 0600, .durable = false});
  if (is_there(copy)) {
    fs::rename(copy, before);
  }
  fs::rename(next, copy);
}

bool has_copy(const fs::path& file) {
  for (const fs::path& copy : copies_of(file)) {
    if (is_there(copy)) {
      return true;
    }
  }
  return false;
}

std::optional<Time> put_copy_back(const fs::path& file) {
  if (is_there(file) || !has_copy(file)) {
    return std::nullopt;
  }
  for (const fs::path& copy : copies_of(file)) {
    if (const auto store = store_in(copy)) {
      // What the lost file's log holds is of pages that are not these.
      remove_companions(file);
      write_file_atomic(file, *store, {.mode = 0600});
      return modified_at(copy);
    }
  }
  throw Error(ErrorCode::environment, fmt::format("the catalog {} is gone, and no copy of it is whole", file.string()),
              "Put the file back from a backup. Each volume's manifest.json tells what it is; running servers are not affected.");
}

void remove_store(const fs::path& file) {
  remove_tree(file);
  remove_companions(file);
  for (const fs::path& copy : copies_of(file)) {
    remove_tree(copy);
    remove_tree(copy.string() + ".new");
  }
}

}  // namespace bpg::catalog
