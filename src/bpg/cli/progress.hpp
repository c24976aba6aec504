#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace bpg::cli {

/// A line on the terminal's standard error: the step at work, how far it says it is, for how long; it appears after half a
/// second and leaves no trace.
class Progress {
 public:
  Progress();
  ~Progress() { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Takes the line away for good. May be called again.
  void end();

 private:
  void run();

  std::mutex m_mutex;
  std::condition_variable m_ended;
  bool m_end = false;
  std::thread m_thread;
};

}  // namespace bpg::cli
