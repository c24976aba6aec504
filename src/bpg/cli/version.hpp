#pragma once

namespace bpg::cli {

inline constexpr const char* version = BPG_VERSION;

}  // namespace bpg::cli
