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

/// ": 120 MB of 1.4 GB, 35 MB/s, 37 s left", as much of it as is known.
std::string how_far(const Trace::Amount& amount) {
  const bool bytes = amount.unit == Trace::Amount::Unit::bytes;
  const auto said = [bytes](uint64_t number) { return bytes ? format_bytes(number) : fmt::format("{}", number); };
  std::string text = fmt::format(": {}", said(amount.done));
  if (amount.total > 0) {
    text += fmt::format(" of {}", said(amount.total));
  }
  if (!bytes) {
    return text + " items";  // of very different sizes: no rate of theirs means anything
  }
  const double seconds = static_cast<double>(amount.elapsed.count()) / 1e6;
  if (seconds < 1 || amount.done == 0) {
    return text;
  }
  const double rate = static_cast<double>(amount.done) / seconds;
  text += fmt::format(", {}/s", format_bytes(static_cast<uint64_t>(rate)));
  if (amount.total > amount.done) {
    const std::chrono::seconds left(static_cast<int64_t>(static_cast<double>(amount.total - amount.done) / rate) + 1);
    text += fmt::format(", {} left", format_duration(left));
  }
  return text;
}

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
    const auto amount = trace().amount();
    const std::string line = fmt::format("{}{} … {}", step.empty() ? "working" : step, amount ? how_far(*amount) : "",
                                         format_duration(trace().elapsed()));
    // What does not fit would go on in the next line, where nothing takes it away.
    fmt::print(stderr, "{}{}", clear_line, shorten(printable(line), terminal_width(STDERR_FILENO) - 1));
    std::fflush(stderr);
  } while (!m_ended.wait_for(lock, changes_every, [this] { return m_end; }));
  fmt::print(stderr, clear_line);
  std::fflush(stderr);
}

}  // namespace bpg::cli
