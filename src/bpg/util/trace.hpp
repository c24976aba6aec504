#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace bpg {

/// The steps of a command with their times, and the places where a test can make it fail.
///
/// Each piece of work that can fail on its own is a `Step`. `-v` prints them as they end. `BPG_FAULT` in the
/// environment names one and what happens there, so that every step is a place for an injected failure:
///
///     BPG_FAULT=<step>:fail         the step throws before it begins
///     BPG_FAULT=<step>:fail-after   the step throws after its work is done
///     BPG_FAULT=<step>:kill         bpg is killed (SIGKILL) before it begins
///     BPG_FAULT=<step>:kill-after   bpg is killed after its work is done
///     BPG_FAULT=<step>:stop         bpg stops (SIGSTOP) before it begins, until somebody lets it go on (SIGCONT)
///     BPG_FAULT=<step>:stop-after   bpg stops after its work is done
///
/// Safe from any thread.
class Trace {
 public:
  struct Entry {
    std::string name;
    std::chrono::microseconds began;  ///< since the trace began
    std::chrono::microseconds took;
  };
  using Listener = std::function<void(const Entry&)>;

  /// How far a long step has come.
  struct Amount {
    enum class Unit { bytes, items };
    Unit unit = Unit::bytes;
    uint64_t done = 0;
    uint64_t total = 0;                   ///< 0: nobody knows
    std::chrono::microseconds elapsed{};  ///< since the step first told; filled in by `amount`
  };

  Trace();

  /// Called as each step ends, from the thread that ran it.
  void set_listener(Listener listener);

  std::chrono::microseconds elapsed() const;

  /// The step that is at work now, the innermost one; empty between steps.
  std::string current() const;

  /// Tells how far the step at work has come.
  void report(const Amount& amount);

  /// What was told last of the step at work.
  std::optional<Amount> amount() const;

 private:
  friend class Step;
  void begin(std::string_view step);
  void end(std::string_view step, std::chrono::steady_clock::time_point began);
  void leave();

  std::chrono::steady_clock::time_point m_began;
  mutable std::mutex m_mutex;
  Listener m_listener;
  std::vector<std::string> m_current;
  std::optional<Amount> m_amount;
  std::chrono::steady_clock::time_point m_amount_began;
  std::string m_fault_step;
  std::string m_fault_action;
};

/// The trace of this process.
Trace& trace();

/// Runs `work` as the step `name` (lower case words, e.g. "start server"): an interrupt or an injected fault
/// ends the operation between steps.
class Step {
 public:
  template <class Work>
  static auto run(std::string_view name, Work&& work) {
    const Step step(name);
    if constexpr (std::is_void_v<std::invoke_result_t<Work>>) {
      work();
      step.done();
    } else {
      auto result = work();
      step.done();
      return result;
    }
  }

 private:
  explicit Step(std::string_view name);
  ~Step();
  void done() const;

  std::string_view m_name;
  std::chrono::steady_clock::time_point m_began;
};

/// Runs `work` as a named step and returns what it returns.
template <class Work>
auto step(std::string_view name, Work&& work) {
  return Step::run(name, std::forward<Work>(work));
}

}  // namespace bpg
