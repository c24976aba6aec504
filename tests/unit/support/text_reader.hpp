#pragma once

#include <algorithm>
#include <string>

#include "bpg/util/byte_reader.hpp"

namespace bpg::test {

/// Gives a text in small pieces, as a pipe may.
class TextReader : public ByteReader {
 public:
  TextReader(std::string text, size_t piece) : m_text(std::move(text)), m_piece(piece) {}

  size_t read(std::span<char> buffer) override {
    const size_t count = std::min({buffer.size(), m_piece, m_text.size() - m_at});
    m_text.copy(buffer.data(), count, m_at);
    m_at += count;
    return count;
  }

 private:
  std::string m_text;
  size_t m_piece;
  size_t m_at = 0;
};

}  // namespace bpg::test
