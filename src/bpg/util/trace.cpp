#include "bpg/util/trace.hpp"

#include <csignal>
#include <cstdlib>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg {

namespace {

void strike(const std::string& action, std::string_view step) {
  if (action.starts_with("kill")) {
    ::raise(SIGKILL);
  }
  if (action.starts_with("stop")) {
    ::raise(SIGSTOP);
    return;
  }
  throw Error(ErrorCode::failure, fmt::format("injected failure at step '{}'", step));
}

}  // namespace

Trace::Trace() : m_began(std::chrono::steady_clock::now()) {
  if (const char* fault = std::getenv("BPG_FAULT")) {
    const std::string text(fault);
    const size_t colon = text.rfind(':');
    m_fault_step = text.substr(0, colon);
    m_fault_action = colon == std::string::npos ? "fail" : text.substr(colon + 1);
  }
}

void Trace::set_listener(Listener listener) {
  const std::lock_guard guard(m_mutex);
  m_listener = std::move(listener);
}

std::chrono::microseconds Trace::elapsed() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - m_began);
}

std::string Trace::current() const {
  const std::lock_guard guard(m_mutex);
  return m_current.empty() ? std::string() : m_current.back();
}

void Trace::report(const Amount& amount) {
  const std::lock_guard guard(m_mutex);
  if (!m_amount) {
    m_amount_began = std::chrono::steady_clock::now();
  }
  m_amount = amount;
}

std::optional<Trace::Amount> Trace::amount() const {
  const std::lock_guard guard(m_mutex);
  auto amount = m_amount;
  if (amount) {
    amount->elapsed = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - m_amount_began);
  }
  return amount;
}

void Trace::begin(std::string_view name) {
  throw_if_interrupted();
  if (name == m_fault_step && !m_fault_action.ends_with("-after")) {
    strike(m_fault_action, name);
  }
  const std::lock_guard guard(m_mutex);
  m_current.emplace_back(name);
  m_amount.reset();
}

void Trace::leave() {
  const std::lock_guard guard(m_mutex);
  m_current.pop_back();
  m_amount.reset();
}

void Trace::end(std::string_view name, std::chrono::steady_clock::time_point began) {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  const Entry entry{std::string(name), duration_cast<microseconds>(began - m_began),
                    duration_cast<microseconds>(std::chrono::steady_clock::now() - began)};
  {
    const std::lock_guard guard(m_mutex);
    if (m_listener) {
      m_listener(entry);
    }
  }
  if (name == m_fault_step && m_fault_action.ends_with("-after")) {
    strike(m_fault_action, name);
  }
}

Trace& trace() {
  static Trace instance;
  return instance;
}

Step::Step(std::string_view name) : m_name(name), m_began(std::chrono::steady_clock::now()) { trace().begin(name); }

Step::~Step() { trace().leave(); }

void Step::done() const { trace().end(m_name, m_began); }

}  // namespace bpg
