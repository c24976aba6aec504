#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bpg::storage {

/// Runs tasks on as many threads as the machine has processors. The first exception of a task drops the tasks that
/// have not begun; `add` and `finish` throw it.
class Workers {
 public:
  using Task = std::function<void()>;

  Workers();
  /// Drops what has not begun and waits for what has.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Waits while many tasks are queued, so that what they hold (descriptors) stays bounded.
  void add(Task task);

  /// Waits until every task is done.
  void finish();

 private:
  void work();
  void rethrow();

  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::deque<Task> m_queue;
  size_t m_running = 0;
  bool m_closing = false;
  std::exception_ptr m_error;
  std::vector<std::thread> m_threads;
};

}  // namespace bpg::storage
