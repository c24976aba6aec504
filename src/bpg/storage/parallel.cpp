#include "bpg/storage/parallel.hpp"

#include <algorithm>
#include <utility>

namespace bpg::storage {

namespace {

constexpr size_t max_queued = 64;
constexpr size_t max_threads = 16;

}  // namespace

Workers::Workers() {
  const size_t threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 2, max_threads);
  for (size_t i = 0; i < threads; ++i) {
    m_threads.emplace_back([this] { work(); });
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(m_mutex);
    m_queue.clear();
    m_closing = true;
  }
  m_changed.notify_all();
  for (std::thread& thread : m_threads) {
    thread.join();
  }
}

void Workers::add(Task task) {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [this] { return m_queue.size() < max_queued; });
  rethrow();
  m_queue.push_back(std::move(task));
  m_changed.notify_all();
}

void Workers::finish() {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [this] { return m_queue.empty() && m_running == 0; });
  rethrow();
}

void Workers::rethrow() {
  if (m_error) {
    std::rethrow_exception(m_error);
  }
}

void Workers::work() {
  std::unique_lock lock(m_mutex);
  for (;;) {
    m_changed.wait(lock, [this] { return m_closing || !m_queue.empty(); });
    if (m_queue.empty()) {
      return;
    }
    Task task = std::move(m_queue.front());
    m_queue.pop_front();
    ++m_running;
    m_changed.notify_all();
    lock.unlock();
    std::exception_ptr error;
    try {
      task();
    } catch (...) {
      error = std::current_exception();
    }
    task = nullptr;  // what it holds goes before anybody is told that it is done
    lock.lock();
    --m_running;
    if (error) {
      m_queue.clear();
      m_error = m_error ? m_error : error;
    }
    m_changed.notify_all();
  }
}

}  // namespace bpg::storage
