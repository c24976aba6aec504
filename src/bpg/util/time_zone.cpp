#include "bpg/util/time_zone.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <regex>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg {

namespace {

using namespace std::chrono;

std::optional<std::string> environment_zone() {
  const char* value = std::getenv("TZ");
  return value ? std::optional<std::string>(value) : std::nullopt;
}

/// TZ as wanted, for as long as it lives.
class ZoneOfProcess {
 public:
  explicit ZoneOfProcess(const std::optional<std::string>& wanted) : m_lock(s_mutex), m_before(environment_zone()) {
    if (wanted) {
      ::setenv("TZ", wanted->c_str(), 1);
    }
    ::tzset();
  }
  ~ZoneOfProcess() {
    if (m_before) {
      ::setenv("TZ", m_before->c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }
  ZoneOfProcess(const ZoneOfProcess&) = delete;
  ZoneOfProcess& operator=(const ZoneOfProcess&) = delete;

  static seconds offset_at(sys_seconds time) {
    const std::time_t count = time.time_since_epoch().count();
    std::tm local{};
    ::localtime_r(&count, &local);
    return seconds(local.tm_gmtoff);
  }

 private:
  inline static std::mutex s_mutex;
  std::lock_guard<std::mutex> m_lock;
  std::optional<std::string> m_before;
};

fs::path zone_directory() {
  const char* directory = std::getenv("TZDIR");  // tzset(3)
  return directory && *directory ? directory : "/usr/share/zoneinfo";
}

/// tzfile(5)
bool is_zone_file(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    return false;
  }
  std::string magic(4, '\0');
  std::ifstream(file, std::ios::binary).read(magic.data(), static_cast<std::streamsize>(magic.size()));
  return magic == "TZif";
}

/// "right/…" counts leap seconds, which neither PostgreSQL nor our moments do.
bool is_zone_name(const std::string& name) {
  static const std::regex form(R"([A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*)");
  return std::regex_match(name, form) && !name.starts_with("right/") && is_zone_file(zone_directory() / name);
}

std::vector<std::string> known_zones() {
  std::vector<std::string> names;
  std::ifstream table(zone_directory() / "zone1970.tab");
  for (std::string line; std::getline(table, line);) {
    const auto columns = split(line, '\t');
    if (columns.size() > 2 && !line.starts_with('#')) {
      names.emplace_back(columns[2]);
    }
  }
  return names;
}

/// Whether the C library makes a zone of that TZ, and not UTC for want of one.
bool is_understood(std::string value) {
  // "CET-1CEST,M3.5.0,M10.5.0/3": POSIX.1, 8.3.
  static const std::regex rule(R"((<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})[+-]?\d.*)");
  if (value.starts_with(':')) {
    value.erase(0, 1);
  }
  return value.empty() || value == "UTC" || is_zone_name(value) || (value.starts_with('/') && is_zone_file(value)) ||
         std::regex_match(value, rule);
}

}  // namespace

std::optional<minutes> parse_offset(std::string_view text) {
  static const std::regex form(R"(([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)");
  std::match_results<std::string_view::const_iterator> match;
  if (!std::regex_match(text.begin(), text.end(), match, form)) {
    return std::nullopt;
  }
  const minutes ahead = hours(std::stoi(match[2].str())) + minutes(match[3].matched ? std::stoi(match[3].str()) : 0);
  return match[1].str() == "-" ? -ahead : ahead;
}

std::string format_offset(minutes offset) {
  const auto count = std::abs(offset.count());
  return fmt::format("{}{:02}:{:02}", offset < minutes(0) ? '-' : '+', count / 60, count % 60);
}

TimeZone TimeZone::fixed(minutes offset) {
  TimeZone zone;
  zone.m_offset = offset;
  return zone;
}

TimeZone TimeZone::find(const std::string& name) {
  if (name == "UTC") {
    return utc();
  }
  if (const auto offset = parse_offset(name)) {
    return fixed(*offset);
  }
  TimeZone zone;
  if (name == "local") {
    if (const auto value = environment_zone(); value && !is_understood(*value)) {
      throw Error(ErrorCode::usage,
                  fmt::format("TZ in the environment is '{}', which is not a time zone of this machine", *value),
                  "Set it to one such as Europe/Berlin, or unset it.");
    }
    return zone;
  }
  if (!is_zone_name(name)) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not a time zone of this machine", name),
                is_zone_name("Europe/Berlin")
                    ? did_you_mean(name, known_zones(), "Zones are named like Europe/Berlin, UTC, local or +02:00.")
                    : "The names come with tzdata, which is not installed; UTC, local and +02:00 work without.");
  }
  zone.m_variable = ":" + (zone_directory() / name).string();
  return zone;
}

LocalTime TimeZone::local_of(Time time) const {
  if (m_offset) {
    return LocalTime(time.time_since_epoch() + *m_offset);
  }
  const ZoneOfProcess zone(m_variable);
  return LocalTime(time.time_since_epoch() + ZoneOfProcess::offset_at(floor<seconds>(time)));
}

std::vector<TimeZone::Reading> TimeZone::moments_of(LocalTime local) const {
  const Time as_utc(local.time_since_epoch());
  if (m_offset) {
    return {{as_utc - *m_offset, *m_offset}};
  }
  // mktime(3) knows of no other change than that of summer time. Here each offset of the days around is tried; none
  // lasts for less than an hour.
  const ZoneOfProcess zone(m_variable);
  const auto middle = floor<seconds>(as_utc);
  std::vector<seconds> offsets;
  for (auto time = middle - hours(26); time <= middle + hours(26); time += hours(1)) {
    if (const seconds offset = ZoneOfProcess::offset_at(time); std::ranges::find(offsets, offset) == offsets.end()) {
      offsets.push_back(offset);
    }
  }
  std::vector<Reading> readings;
  for (const seconds offset : offsets) {
    if (ZoneOfProcess::offset_at(middle - offset) == offset) {
      readings.push_back({as_utc - offset, floor<minutes>(offset)});
    }
  }
  std::ranges::sort(readings, {}, &Reading::time);
  return readings;
}

}  // namespace bpg
