#include "bpg/util/clock.hpp"

#include <cstdlib>
#include <ctime>
#include <regex>

#include <fmt/format.h>

namespace bpg {

namespace {

class MachineClock final : public Clock {
 public:
  MachineClock() {
    if (const char* offset = std::getenv("BPG_CLOCK_OFFSET")) {
      m_offset = std::chrono::seconds(std::atoll(offset));
    }
  }
  Time now() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()) + m_offset;
  }

 private:
  std::chrono::seconds m_offset{0};
};

}  // namespace

const Clock& system_clock() {
  static const MachineClock clock;
  return clock;
}

std::string to_rfc3339(Time time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t seconds = whole.time_since_epoch().count();
  const auto micros = (time - whole).count();
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", utc.tm_year + 1900, utc.tm_mon + 1,
                                 utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  if (micros != 0) {
    text += fmt::format(".{:06}", micros);
  }
  return text + "Z";
}

std::optional<Time> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  static const std::regex form(
      R"((\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:[Zz]|([+-])(\d\d):(\d\d)))");
  std::match_results<std::string_view::const_iterator> match;
  if (!std::regex_match(text.begin(), text.end(), match, form)) {
    return std::nullopt;
  }
  const auto number = [&match](size_t group) { return match[group].matched ? std::stoi(match[group].str()) : 0; };
  const year_month_day day{year(number(1)), month(static_cast<unsigned>(number(2))), std::chrono::day(static_cast<unsigned>(number(3)))};
  if (!day.ok() || number(4) > 23 || number(5) > 59 || number(6) > 60 || number(9) > 23 || number(10) > 59) {
    return std::nullopt;
  }
  std::string fraction = match[7].str();
  fraction.resize(6, '0');
  const minutes offset = hours(number(9)) + minutes(number(10));
  return Time(sys_days(day).time_since_epoch()) + hours(number(4)) + minutes(number(5)) + seconds(number(6)) +
         microseconds(std::stoi(fraction)) - (match[8].str() == "-" ? -offset : offset);
}

std::string format_age(std::chrono::microseconds age) {
  using namespace std::chrono;
  const auto count = duration_cast<seconds>(age).count();
  if (count < 60) {
    return fmt::format("{} s", count < 0 ? 0 : count);
  }
  if (count < 3600) {
    return fmt::format("{} min", count / 60);
  }
  if (count < 48 * 3600) {
    return fmt::format("{} h", count / 3600);
  }
  return fmt::format("{} d", count / 86400);
}

}  // namespace bpg
