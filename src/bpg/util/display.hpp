#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bpg {

/// Text that came from elsewhere (names, paths, messages), on its way to a terminal. All take and give UTF-8.

/// The text without what could move the cursor, change colours or turn the reading direction: control and formatting
/// characters and invalid bytes become U+FFFD. A line break and a tab become a space unless `keep_lines`.
std::string printable(std::string_view text, bool keep_lines = false);

/// How many columns the text takes: 2 for a wide character or an emoji, 0 for a combining one. The text is printable.
size_t display_width(std::string_view text);

/// The text, or its beginning with "…" in at most `width` columns. Never cuts within a character as people see it.
std::string shorten(std::string_view text, size_t width);

/// The text; where some of it is written from right to left, in an isolate (U+2068 … U+2069), so that it does not turn
/// around what stands beside it. The isolate has no width.
std::string isolated(std::string_view text);

}  // namespace bpg
