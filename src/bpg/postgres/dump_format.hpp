#pragma once

#include <cstddef>
#include <string_view>

namespace bpg::postgres {

/// What pg_dump writes (its --format).
enum class DumpFormat { plain, custom, directory, tar };

/// So many bytes of a file's beginning tell its format.
inline constexpr size_t format_beginning = 512;

/// The format of a file that begins like this, decompressed.
DumpFormat dump_format_of(std::string_view beginning);

}  // namespace bpg::postgres
