#include "bpg/workspace/hook.hpp"

#include <unistd.h>

#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::workspace {

namespace {

constexpr std::string_view mark = "# The post-checkout hook of 'bpg git install'; 'bpg git uninstall' takes it away.";

/// The exit status of the hook becomes that of `git checkout` (githooks(5)).
constexpr std::string_view script = R"(#!/bin/sh
{mark}
# The hook that was here before is called first, and alone decides whether the checkout failed.
status=0
if [ -x "$0.before-bpg" ]; then
  "$0.before-bpg" "$@" || status=$?
fi
# $3 is 0 where files were checked out, and not a branch.
if [ "${{3-}}" = 1 ]; then
  bpg={program}
  [ -x "$bpg" ] || bpg=$(command -v bpg) || bpg=
  if [ -n "$bpg" ]; then
    "$bpg" {options}git post-checkout || :
  else
    echo "bpg: not found in PATH: the database branch stays as it was" >&2
  fi
fi
exit $status
)";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

/// Whether both names are of one file: an installation was interrupted between keeping the old hook and replacing it.
bool are_one_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

void rename_over(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw system_error(errno, fmt::format("cannot rename {}", from.string()));
  }
}

void remove_file(const fs::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
    throw system_error(errno, fmt::format("cannot remove {}", file.string()));
  }
}

[[noreturn]] void throw_two_hooks(const Hook& hook) {
  throw Error(ErrorCode::refused, fmt::format("{} is not bpg's hook, and {} is kept beside it", hook.file.string(), hook.kept.string()),
              "Somebody has replaced bpg's hook. Keep the one of the two that you need, and remove the other.");
}

}  // namespace

Hook Hook::in(const fs::path& hooks) { return {hooks / "post-checkout", hooks / "post-checkout.before-bpg"}; }

bool Hook::is_ours() const {
  const auto text = read_file_if_exists(file);
  return text && text->find(mark) != std::string::npos;
}

bool install_hook(const Hook& hook, const HookCommand& command) {
  const std::string text = fmt::format(script, fmt::arg("mark", mark), fmt::arg("program", command.program),
                                       fmt::arg("options", command.options));
  if (read_file_if_exists(hook.file) == text) {
    return false;
  }
  std::error_code error;
  fs::create_directories(hook.file.parent_path(), error);
  if (error) {
    throw system_error(error.value(), fmt::format("cannot make {}", hook.file.parent_path().string()));
  }
  if (!hook.is_ours() && is_there(hook.file)) {
    if (is_there(hook.kept) && !are_one_file(hook.file, hook.kept)) {
      throw_two_hooks(hook);
    }
    step("keep hook", [&] {
      if (!is_there(hook.kept) && ::link(hook.file.c_str(), hook.kept.c_str()) != 0) {
        throw system_error(errno, fmt::format("cannot keep {} as {}", hook.file.string(), hook.kept.string()));
      }
    });
  }
  step("write hook", [&] { write_file_atomic(hook.file, text, {.mode = 0755}); });
  return true;
}

Uninstalled uninstall_hook(const Hook& hook) {
  const bool is_kept = is_there(hook.kept);
  if (!hook.is_ours() && is_there(hook.file)) {
    if (is_kept && !are_one_file(hook.file, hook.kept)) {
      throw_two_hooks(hook);
    }
    remove_file(hook.kept);
    return Uninstalled::not_there;
  }
  if (is_kept) {
    rename_over(hook.kept, hook.file);
    return Uninstalled::put_back;
  }
  const bool was_there = is_there(hook.file);
  remove_file(hook.file);
  return was_there ? Uninstalled::removed : Uninstalled::not_there;
}

}  // namespace bpg::workspace
