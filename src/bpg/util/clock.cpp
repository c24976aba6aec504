#include "bpg/util/clock.hpp"

#include <cstdlib>
#include <ctime>

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
