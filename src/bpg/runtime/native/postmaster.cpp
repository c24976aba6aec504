#include "bpg/runtime/native/postmaster.hpp"

#include <charconv>

#include <fmt/format.h>

#include "bpg/util/file.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"

namespace bpg::runtime {

namespace {

constexpr size_t pid_line = 0;
constexpr size_t status_line = 7;

std::optional<pid_t> parse_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return error == std::errc{} && pid > 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace

std::optional<PostmasterFile> read_postmaster_file(const fs::path& data_directory) {
  const auto content = read_file_if_exists(data_directory / "postmaster.pid");
  if (!content) {
    return std::nullopt;
  }
  const auto lines = split(*content, '\n');
  const auto pid = parse_pid(trim(lines.at(pid_line)));
  if (!pid) {
    return std::nullopt;
  }
  return PostmasterFile{*pid, lines.size() > status_line ? std::string(trim(lines[status_line])) : ""};
}

bool serves(pid_t pid, const fs::path& data_directory) {
  std::error_code error;
  const fs::path works_in = fs::read_symlink(fmt::format("/proc/{}/cwd", pid), error);
  if (error || !process_alive(pid)) {
    return false;
  }
  const fs::path expected = fs::canonical(data_directory, error);
  return !error && works_in == expected;
}

bool anyone_works_in(const fs::path& data_directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = parse_pid(entry.path().filename().string());
    if (pid && serves(*pid, data_directory)) {
      return true;
    }
  }
  return false;
}

}  // namespace bpg::runtime
