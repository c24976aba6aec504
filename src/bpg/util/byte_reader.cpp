#include "bpg/util/byte_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg {

size_t FdReader::read(std::span<char> buffer) {
  for (;;) {
    throw_if_interrupted();
    pollfd polled[2] = {{m_fd.get(), POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) {
      throw system_error(errno, "cannot poll");
    }
    if (polled[0].revents == 0) {
      continue;
    }
    const ssize_t count = ::read(m_fd.get(), buffer.data(), buffer.size());
    if (count >= 0) {
      m_position += static_cast<size_t>(count);
      return static_cast<size_t>(count);
    }
    if (errno != EINTR && errno != EAGAIN) {
      throw system_error(errno, fmt::format("cannot read {}", m_name));
    }
  }
}

std::string_view PeekableReader::peek(size_t size) {
  while (m_ahead.size() < size) {
    const size_t before = m_ahead.size();
    m_ahead.resize(size);
    const size_t count = m_source->read(std::span(m_ahead).subspan(before));
    m_ahead.resize(before + count);
    if (count == 0) {
      break;
    }
  }
  return std::string_view(m_ahead).substr(0, size);
}

size_t PeekableReader::read(std::span<char> buffer) {
  if (m_ahead.empty()) {
    return m_source->read(buffer);
  }
  const size_t count = std::min(buffer.size(), m_ahead.size());
  std::copy_n(m_ahead.begin(), count, buffer.begin());
  m_ahead.erase(0, count);
  return count;
}

}  // namespace bpg
