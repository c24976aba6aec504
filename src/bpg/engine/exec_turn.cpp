#include "bpg/engine/exec_turn.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "bpg/util/interrupt.hpp"
#include "bpg/util/random.hpp"

namespace bpg::engine {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view ticket_prefix = "ticket-";

/// The name sorts by the moment of coming: of the monotonic clock, which is one for all processes.
std::string new_ticket() {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch());
  return fmt::format("{}{:020}-{}", ticket_prefix, now.count(), random_text(6, "0123456789abcdef"));
}

/// The last ticket that was drawn before this one, if one is left.
std::optional<fs::path> ticket_before(const fs::path& directory, const std::string& ticket) {
  std::string before;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(ticket_prefix) && name < ticket && name > before) {
      before = name;
    }
  }
  return before.empty() ? std::nullopt : std::optional(directory / before);
}

/// A place in the queue, from its making to its end.
class Place {
 public:
  explicit Place(const fs::path& directory)
      : m_directory(directory),
        m_ticket(new_ticket()),
        m_lock(FileLock::acquire(directory / m_ticket, FileLock::Mode::exclusive, 1h)) {}
  ~Place() {
    std::error_code ignored;  // a ticket that nobody holds is taken away by who stands behind it
    fs::remove(m_directory / m_ticket, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  /// Waits until nobody stands before. Who stands there holds the lock of his ticket; one who was killed leaves a
  /// ticket that nobody holds.
  void wait_until_first() const {
    while (const auto before = ticket_before(m_directory, m_ticket)) {
      if (FileLock::acquire(*before, FileLock::Mode::exclusive, 1h)) {
        remove_tree(*before);
      }
    }
  }

 private:
  fs::path m_directory;
  std::string m_ticket;
  std::optional<FileLock> m_lock;
};

}  // namespace

FileLock wait_for_turn(const Context& context) {
  const fs::path directory = context.home.locks() / "exec";
  make_directory(directory, 0700);
  const Place place(directory);
  place.wait_until_first();
  for (;;) {
    for (int turn = 0; turn < context.config.max_running_execs.value_or(automatic_max_running_execs()); ++turn) {
      if (auto lock = FileLock::acquire(directory / fmt::format("turn-{}", turn), FileLock::Mode::exclusive, 0ms)) {
        return std::move(*lock);
      }
    }
    throw_if_interrupted();
    std::this_thread::sleep_for(5ms);  // the end of any of them would do, and flock(2) waits for one alone
  }
}

}  // namespace bpg::engine
