#include "bpg/cli/progress.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "bpg/util/display.hpp"
#include "bpg/util/terminal.hpp"
#include "bpg/util/text.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::cli {

namespace {

constexpr std::chrono::milliseconds appears_after{500};
constexpr std::chrono::milliseconds changes_every{100};
constexpr const char* clear_line = "\r\x1b[K";

}  // namespace

Progress::Progress() : m_thread([this] { run(); }) {}

void Progress::end() {
  {
    const std::lock_guard guard(m_mutex);
    m_end = true;
  }
  m_ended.notify_all();
  if (m_thread.joinable()) {
    m_thread.join();
  }
}

void Progress::run() {
  std::unique_lock lock(m_mutex);
  if (m_ended.wait_for(lock, appears_after, [this] { return m_end; })) {
    return;
  }
  do {
    const std::string step = trace().current();
    const std::string line = fmt::format("{} … {}", step.empty() ? "working" : step, format_duration(trace().elapsed()));
    // What does not fit would go on in the next line, where nothing takes it away.
    fmt::print(stderr, "{}{}", clear_line, shorten(printable(line), terminal_width(STDERR_FILENO) - 1));
    std::fflush(stderr);
  } while (!m_ended.wait_for(lock, changes_every, [this] { return m_end; }));
  fmt::print(stderr, clear_line);
  std::fflush(stderr);
}

}  // namespace bpg::cli
