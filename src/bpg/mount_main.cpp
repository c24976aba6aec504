#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "bpg/storage/zfs/mount_for.hpp"
#include "bpg/storage/zfs/mounting.hpp"
#include "bpg/util/error.hpp"

namespace {

using namespace bpg;
using namespace bpg::storage;

constexpr const char* usage = R"(usage: bpg-mount mount VOLUME      mount a volume of the user who calls it, by sudo
       bpg-mount unmount VOLUME    unmount it, and remove its mount point
       bpg-mount check             whether that would work

Mounting takes root. 'bpg setup' lets a user call this as root: it mounts that user's own volumes at their own place,
and does nothing else.
)";

/// Who called sudo(8), which sets SUDO_UID.
Account caller() {
  const char* text = std::getenv("SUDO_UID");
  const std::string_view number = text ? text : "";
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), uid);
  if (error != std::errc{} || end != number.data() + number.size() || ::getuid() != 0) {
    throw Error(ErrorCode::permission, "this is to be called by sudo");
  }
  const passwd* entry = ::getpwuid(uid);
  if (!entry) {
    throw Error(ErrorCode::permission, "the user who called sudo is not known");
  }
  return {.name = entry->pw_name, .uid = entry->pw_uid, .gid = entry->pw_gid, .groups = {}};
}

/// Nothing that the caller has in their environment reaches the programs that are run here.
void forget_environment() {
  ::clearenv();
  ::setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
  ::umask(022);
}

int run(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  const bool checks = verb == zfs::check_verb && argc == 2;
  if (!checks && !((verb == zfs::mount_verb || verb == zfs::unmount_verb) && argc == 3)) {
    std::fputs(usage, verb == "--help" ? stdout : stderr);
    return verb == "--help" ? 0 : describe(ErrorCode::usage).exit_status;
  }
  const Account user = caller();
  forget_environment();
  const auto delegation = zfs::find_delegation(user);
  if (!delegation) {
    throw Error(ErrorCode::refused, "root has delegated nothing to '" + user.name + "'");
  }
  if (verb == zfs::mount_verb) {
    zfs::mount_for(*delegation, argv[2]);
  } else if (verb == zfs::unmount_verb) {
    zfs::unmount_for(*delegation, argv[2]);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "bpg-mount: %s\n", error.message().c_str());
    return describe(error.code()).exit_status;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bpg-mount: %s\n", error.what());
    return 1;
  }
}
