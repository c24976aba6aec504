#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bpg {

/// `length` characters, each drawn evenly from `alphabet` (at most 256 characters), from getrandom(2): fit for
/// passwords.
std::string random_text(size_t length, std::string_view alphabet);

}  // namespace bpg
