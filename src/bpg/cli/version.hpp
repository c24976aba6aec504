#pragma once

namespace bpg::cli {

/// "0.1.0", "0.1.0+12.gabc1234": see cmake/version.cmake.
extern const char* const version;

}  // namespace bpg::cli
