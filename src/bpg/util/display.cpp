#include "bpg/util/display.hpp"

#include <algorithm>

#include <utf8proc.h>

namespace bpg {

namespace {

constexpr std::string_view replacement = "\uFFFD";
constexpr utf8proc_int32_t zero_width_non_joiner = 0x200C;
constexpr utf8proc_int32_t zero_width_joiner = 0x200D;

/// Takes one code point off the front; negative where the bytes are none.
struct Taken {
  utf8proc_int32_t code = -1;
  std::string_view bytes;
};

Taken take(std::string_view& text) {
  Taken taken;
  const auto count = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                      static_cast<utf8proc_ssize_t>(text.size()), &taken.code);
  const size_t length = count > 0 ? static_cast<size_t>(count) : 1;
  taken.bytes = text.substr(0, length);
  text.remove_prefix(length);
  return taken;
}

bool is_harmless(utf8proc_int32_t code) {
  if (code < 0) {
    return false;
  }
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_CF:  // emoji and some scripts need the joiners
      return code == zero_width_joiner || code == zero_width_non_joiner;
    default:
      return true;
  }
}

/// Calls `visit(bytes, columns)` for each grapheme cluster, until it says false.
template <class Visit>
void for_each_cluster(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const std::string_view begin = text;
    Taken previous = take(text);
    int columns = previous.code < 0 ? 1 : utf8proc_charwidth(previous.code);
    utf8proc_int32_t state = 0;
    for (std::string_view rest = text; !rest.empty(); text = rest) {
      const Taken next = take(rest);
      if (previous.code < 0 || next.code < 0 || utf8proc_grapheme_break_stateful(previous.code, next.code, &state)) {
        break;
      }
      columns = std::max(columns, utf8proc_charwidth(next.code));
      previous = next;
    }
    if (!visit(begin.substr(0, begin.size() - text.size()), static_cast<size_t>(columns))) {
      return;
    }
  }
}

}  // namespace

std::string printable(std::string_view text, bool keep_lines) {
  std::string result;
  while (!text.empty()) {
    const Taken taken = take(text);
    if (taken.code == '\n' || taken.code == '\t') {
      result += keep_lines ? taken.bytes : " ";
    } else {
      result += is_harmless(taken.code) ? taken.bytes : replacement;
    }
  }
  return result;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for_each_cluster(text, [&](std::string_view, size_t columns) {
    width += columns;
    return true;
  });
  return width;
}

std::string shorten(std::string_view text, size_t width) {
  if (display_width(text) <= width) {
    return std::string(text);
  }
  if (width == 0) {
    return {};
  }
  std::string result;
  size_t used = 0;
  for_each_cluster(text, [&](std::string_view cluster, size_t columns) {
    if (used + columns > width - 1) {
      return false;
    }
    used += columns;
    result += cluster;
    return true;
  });
  return result + "…";
}

std::string isolated(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const Taken taken = take(rest);
    if (taken.code < 0) {
      continue;
    }
    const auto direction = utf8proc_get_property(taken.code)->bidi_class;
    if (direction == UTF8PROC_BIDI_CLASS_R || direction == UTF8PROC_BIDI_CLASS_AL) {
      return "\u2068" + std::string(text) + "\u2069";
    }
  }
  return std::string(text);
}

}  // namespace bpg
