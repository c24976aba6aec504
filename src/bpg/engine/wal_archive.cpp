#include "bpg/engine/wal_archive.hpp"

#include <poll.h>

#include <fmt/format.h>

#include "bpg/engine/server.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/shell.hpp"
#include "bpg/wal/init.hpp"

namespace bpg::engine {

namespace {

constexpr const char* program_name = "bpg-wal";

/// A newer bpg brings a newer bpg-wal: the running servers take it with their next segment.
void install_program(const Context& context) {
  const fs::path source = companion_program(program_name);
  const fs::path copy = context.home.programs() / program_name;
  std::error_code missing;
  const bool same = fs::last_write_time(copy, missing) >= fs::last_write_time(source) && !missing &&
                    fs::file_size(copy, missing) == fs::file_size(source);
  if (!same) {
    make_directory(context.home.programs(), 0755);
    write_file_atomic(copy, read_file(source), {.mode = 0755});
  }
}

/// A word for the shell, in a command in which PostgreSQL replaces what follows a "%".
std::string quoted(const std::string& word) {
  std::string escaped;
  for (const char c : word) {
    escaped += c;
    if (c == '%') {
      escaped += c;
    }
  }
  return shell_quoted(escaped);
}

std::string program(const Context& context) { return quoted((context.home.programs() / program_name).string()); }

}  // namespace

void make_wal_archive(const Context& context, const VolumeId& volume, const Owner& owner) {
  install_program(context);
  const fs::path archive = context.home.wal_archive(volume);
  if (fs::exists(archive / "archive")) {
    return;
  }
  make_directory(context.home.wal_archives(), 0711);
  wal::init({.archive = archive,
             .data_directory = data_directory(context, volume),
             .volume = volume.str(),
             .owner = owner});
}

wal::Archive open_wal_archive(const Context& context, const VolumeId& volume) {
  try {
    return wal::Archive::open(context.home.wal_archive(volume));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) {
      throw;
    }
    // What the user named was found. That its archive was not is damage.
    throw Error(ErrorCode::storage, error.message(), error.hint());
  }
}

void remove_wal_archive(const Context& context, const VolumeId& volume) {
  // The server has just been ended: its bpg-wal may be on its last file.
  constexpr int tries = 20;
  for (int i = 0;; ++i) {
    try {
      remove_tree(context.home.wal_archive(volume));
      return;
    } catch (const Error&) {
      if (i == tries) {
        throw;
      }
    }
    ::poll(nullptr, 0, 50);
  }
}

std::string archive_command(const Context& context, const VolumeId& volume) {
  return fmt::format("{} push --archive {} --volume {} --compression {} --jobs {} %p", program(context),
                     quoted(context.home.wal_archive(volume).string()), volume.str(), context.config.wal_compression,
                     context.config.wal_jobs);
}

std::string restore_command(const Context& context, const VolumeId& volume) {
  return fmt::format("{} get --archive {} --jobs {} %f %p", program(context),
                     quoted(context.home.wal_archive(volume).string()), context.config.wal_jobs);
}

}  // namespace bpg::engine
