#include "bpg/util/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "bpg/util/error.hpp"

namespace bpg {

std::string random_text(size_t length, std::string_view alphabet) {
  const unsigned limit = 256 - 256 % static_cast<unsigned>(alphabet.size());
  std::string text;
  while (text.size() < length) {
    unsigned char bytes[64];
    const ssize_t count = ::getrandom(bytes, sizeof bytes, 0);
    if (count < 0 && errno != EINTR) {
      throw system_error(errno, "cannot read random bytes");
    }
    for (ssize_t i = 0; i < count && text.size() < length; ++i) {
      if (bytes[i] < limit) {  // a remainder would favour the alphabet's first characters
        text += alphabet[bytes[i] % alphabet.size()];
      }
    }
  }
  return text;
}

}  // namespace bpg
