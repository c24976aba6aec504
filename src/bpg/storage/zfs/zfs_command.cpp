#include "bpg/storage/zfs/zfs_command.hpp"

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/interrupt.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"

namespace bpg::storage::zfs {

namespace {

/// The words of libzfs (lib/libzfs/libzfs_util.c, libzfs_error_description and zfs_standard_error), in the order
/// in which they are looked for. The exit status is 1 for all of them.
constexpr std::array<std::pair<std::string_view, ErrorCode>, 13> words{{
    {"has dependent clones", ErrorCode::has_children},
    {"has children", ErrorCode::has_children},
    {"dataset already exists", ErrorCode::already_exists},
    {"snapshot exists", ErrorCode::already_exists},
    {"already exists", ErrorCode::already_exists},
    {"out of space", ErrorCode::no_space},
    {"No space left", ErrorCode::no_space},
    {"quota", ErrorCode::no_space},
    {"ermission denied", ErrorCode::permission},
    {"is busy", ErrorCode::busy},
    {"esource busy", ErrorCode::busy},
    {"does not exist", ErrorCode::not_found},
    {"no such", ErrorCode::not_found},
}};

ErrorCode code_of(std::string_view said) {
  for (const auto& [text, code] : words) {
    if (said.find(text) != std::string_view::npos) {
      return code;
    }
  }
  return ErrorCode::storage;
}

std::string run_program(std::string program, const std::vector<std::string>& arguments, const RunOptions& options = {}) {
  std::vector<std::string> argv{std::move(program)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  RunResult result = run(argv, options);
  if (result.exit_status == 0) {
    return std::move(result.out);
  }
  const std::string_view said = trim(result.err.empty() ? result.out : result.err);
  const ErrorCode code = code_of(said);
  throw Error(code, fmt::format("'{}' failed (exit status {}): {}", fmt::join(argv, " "), result.exit_status, said),
              code == ErrorCode::no_space ? "Free some space, for example with 'bpg cleanup'." : "");
}

}  // namespace

void when_idle(const std::function<void()>& work, std::chrono::milliseconds wait) {
  const auto deadline = std::chrono::steady_clock::now() + wait;
  for (;;) {
    try {
      work();
      return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::busy) {
        throw;
      }
      if (std::chrono::steady_clock::now() >= deadline) {
        throw Error(ErrorCode::storage, error.message(),
                    "Something uses the directory ('fuser -vm' names it), or a container or service that was started "
                    "meanwhile still has it mounted ('grep' for it in /proc/*/mountinfo).");
      }
    }
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // ZFS tells nobody when a dataset becomes idle
  }
}

void run_by_sudo(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"-n", "--"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  run_program("sudo", words, {.interruptible = false});
}

std::string run_zfs(const std::vector<std::string>& arguments) { return run_program("zfs", arguments); }

std::string run_zpool(const std::vector<std::string>& arguments) { return run_program("zpool", arguments); }

void run_zfs_when_idle(const std::vector<std::string>& arguments, std::chrono::milliseconds wait) {
  when_idle([&] { run_zfs(arguments); }, wait);
}

void run_zpool_when_idle(const std::vector<std::string>& arguments, std::chrono::milliseconds wait) {
  when_idle([&] { run_zpool(arguments); }, wait);
}

std::vector<std::vector<std::string>> rows(std::string_view output) {
  std::vector<std::vector<std::string>> result;
  for (const std::string_view line : split(output, '\n')) {
    if (line.empty()) {
      continue;
    }
    auto& row = result.emplace_back();
    for (const std::string_view field : split(line, '\t')) {
      row.emplace_back(field);
    }
  }
  return result;
}

std::optional<std::string> property(const std::string& dataset, const std::string& name) {
  try {
    return std::string(trim(run_zfs({"get", "-H", "-p", "-o", "value", name, dataset})));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) {
      return std::nullopt;
    }
    throw;
  }
}

}  // namespace bpg::storage::zfs
