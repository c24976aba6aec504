#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bpg/util/fd.hpp"

namespace bpg {

/// A stream of bytes that is pulled.
class ByteReader {
 public:
  virtual ~ByteReader() = default;

  /// Reads at least one byte, and as many as there are room for and at hand; 0 at the end.
  virtual size_t read(std::span<char> buffer) = 0;
};

/// Reads a descriptor: a file, a pipe, a terminal. A signal to bpg ends the wait (`Error{interrupted}`).
class FdReader : public ByteReader {
 public:
  /// `name` is what errors call it.
  FdReader(UniqueFd fd, std::string name) : m_fd(std::move(fd)), m_name(std::move(name)) {}

  size_t read(std::span<char> buffer) override;

  /// How many bytes have been read.
  uint64_t position() const { return m_position; }

 private:
  UniqueFd m_fd;
  std::string m_name;
  uint64_t m_position = 0;
};

/// Shows the beginning of a stream without taking it away.
class PeekableReader : public ByteReader {
 public:
  explicit PeekableReader(std::unique_ptr<ByteReader> source) : m_source(std::move(source)) {}

  /// The next `size` bytes, fewer at the end of the stream.
  std::string_view peek(size_t size);
  size_t read(std::span<char> buffer) override;

 private:
  std::unique_ptr<ByteReader> m_source;
  std::string m_ahead;
};

}  // namespace bpg
