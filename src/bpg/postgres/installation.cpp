#include "bpg/postgres/installation.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/util/error.hpp"
#include "bpg/util/process.hpp"
#include "bpg/util/text.hpp"

namespace bpg::postgres {

namespace fs = std::filesystem;

namespace {

std::optional<int> leading_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

bool has_server(const fs::path& bin_dir) { return ::access((bin_dir / "postgres").c_str(), X_OK) == 0; }

/// "postgres (PostgreSQL) 15.8 (Debian …)"
std::optional<int> asked_major(const fs::path& program) {
  const RunResult result = run({program.string(), "--version"});
  constexpr std::string_view marker = "(PostgreSQL) ";
  const size_t at = result.out.find(marker);
  return at == std::string::npos ? std::nullopt
                                 : leading_number(std::string_view(result.out).substr(at + marker.size()));
}

/// Where Debian keeps its majors, each in a directory of its own.
constexpr const char* debian_directory = "/usr/lib/postgresql";

class Collector {
 public:
  void add(const fs::path& bin_dir, std::optional<int> major = std::nullopt) {
    if (!has_server(bin_dir)) {
      return;
    }
    const std::optional<int> number = major ? major : asked_major(bin_dir / "postgres");
    if (number && std::ranges::find(found, *number, &Installation::major) == found.end()) {
      found.push_back({*number, bin_dir});
    }
  }
  std::vector<Installation> found;
};

}  // namespace

std::vector<Installation> find_installations(const std::vector<fs::path>& configured) {
  Collector collector;
  for (const fs::path& bin_dir : configured) {
    collector.add(bin_dir);
  }
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(debian_directory, ignored)) {
    if (const auto major = leading_number(entry.path().filename().string())) {
      collector.add(entry.path() / "bin", major);
    }
  }
  if (const char* path = std::getenv("PATH")) {
    for (const std::string_view directory : split(path, ':')) {
      if (!directory.empty()) {
        collector.add(fs::path(directory));
      }
    }
  }
  std::ranges::sort(collector.found, std::ranges::greater{}, &Installation::major);
  return collector.found;
}

namespace {

/// The installation of that major where it is found without asking a binary for its version, which takes longer than
/// all else that there is to be looked up.
std::optional<Installation> find_at_once(const std::vector<fs::path>& configured, int major) {
  const Installation debian{major, fs::path(debian_directory) / fmt::format("{}", major) / "bin"};
  return configured.empty() && has_server(debian.bin_dir) ? std::optional(debian) : std::nullopt;
}

}  // namespace

Installation choose_installation(const std::vector<fs::path>& configured, std::optional<int> major) {
  if (const auto found = major ? find_at_once(configured, *major) : std::nullopt) {
    return *found;
  }
  const auto installations = find_installations(configured);
  if (installations.empty()) {
    throw Error(ErrorCode::postgres, "no PostgreSQL server is installed",
                "Install one, for example with 'apt-get install postgresql-15', or name its directory in "
                "native.bin_dirs of the configuration.");
  }
  if (!major) {
    return installations.front();
  }
  const auto match = std::ranges::find(installations, *major, &Installation::major);
  if (match == installations.end()) {
    std::vector<int> majors;
    for (const Installation& installation : installations) {
      majors.push_back(installation.major);
    }
    throw Error(ErrorCode::postgres, fmt::format("PostgreSQL {} is not installed", *major),
                fmt::format("Installed: {}. Others are found in /usr/lib/postgresql, PATH and native.bin_dirs.",
                            fmt::join(majors, ", ")));
  }
  return *match;
}

std::optional<Client> find_client(const std::string& name, const std::vector<fs::path>& configured, int major) {
  std::optional<Client> nearest;
  for (const Installation& installation : find_installations(configured)) {  // newest first
    const fs::path program = installation.program(name);
    if (installation.major >= major && ::access(program.c_str(), X_OK) == 0) {
      nearest = Client{program, installation.major};
    }
  }
  if (nearest) {
    return nearest;
  }
  const auto found = find_program(name);
  return found ? std::optional(Client{*found, asked_major(*found).value_or(major)}) : std::nullopt;
}

}  // namespace bpg::postgres
