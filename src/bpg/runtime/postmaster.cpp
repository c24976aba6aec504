#include "bpg/runtime/postmaster.hpp"

#include <sys/stat.h>

#include <cerrno>
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

namespace {

/// Does it work in the directory? Nothing where that may not be looked at.
std::optional<bool> works_in(pid_t pid, const fs::path& directory) {
  struct stat there {};
  if (::stat(fmt::format("/proc/{}/cwd", pid).c_str(), &there) != 0) {
    return errno == EACCES || errno == EPERM ? std::nullopt : std::optional(false);
  }
  struct stat expected {};
  return ::stat(directory.c_str(), &expected) == 0 && there.st_dev == expected.st_dev && there.st_ino == expected.st_ino;
}

bool command_line_names(pid_t pid, const std::string& text) {
  const auto words = read_file_if_exists(fmt::format("/proc/{}/cmdline", pid));
  return words && words->find(text) != std::string::npos;
}

}  // namespace

pid_t own_number(pid_t pid) {
  const auto status = read_file_if_exists(fmt::format("/proc/{}/status", pid));
  constexpr std::string_view mark = "\nNSpid:";
  const size_t at = status ? status->find(mark) : std::string::npos;
  if (at == std::string::npos) {
    return pid;
  }
  const size_t begin = at + mark.size();
  const auto numbers = split(std::string_view(*status).substr(begin, status->find('\n', begin) - begin), '\t');
  return parse_pid(trim(numbers.back())).value_or(pid);
}

std::optional<pid_t> find_postmaster(const fs::path& data_directory, pid_t own) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = parse_pid(entry.path().filename().string());
    if (pid && serves(*pid, data_directory) && own_number(*pid) == own) {
      return pid;
    }
  }
  return std::nullopt;
}

bool serves(pid_t pid, const fs::path& data_directory) {
  const auto known = works_in(pid, data_directory);
  return (known ? *known : command_line_names(pid, data_directory.string())) && process_alive(pid);
}

bool anyone_works_in(const fs::path& data_directory, const std::string& identity) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = parse_pid(entry.path().filename().string());
    const auto known = pid ? works_in(*pid, data_directory) : false;
    if ((known ? *known : command_line_names(*pid, data_directory.string()) || command_line_names(*pid, ": " + identity)) &&
        process_alive(*pid)) {
      return true;
    }
  }
  return false;
}

std::optional<std::string> recovering_file(pid_t postmaster) {
  constexpr std::string_view mark = "startup recovering ";
  const std::string children = read_file_if_exists(fmt::format("/proc/{0}/task/{0}/children", postmaster)).value_or("");
  for (const std::string_view child : split(children, ' ')) {
    const auto pid = parse_pid(trim(child));
    const auto title = pid ? read_file_if_exists(fmt::format("/proc/{}/cmdline", *pid)) : std::nullopt;
    const size_t at = title ? title->find(mark) : std::string::npos;
    if (at != std::string::npos) {
      return title->substr(at + mark.size(), 24);
    }
  }
  return std::nullopt;
}

}  // namespace bpg::runtime
