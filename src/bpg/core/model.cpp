#include "bpg/core/model.hpp"

#include <array>

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg {

namespace {

constexpr std::array state_names{"creating", "ready", "retired", "deleting", "deleted"};
constexpr std::array consistency_names{"checkpoint", "labelled", "crash", "clean"};

template <class Enum, size_t n>
Enum parse(std::string_view what, const std::array<const char*, n>& names, std::string_view text) {
  for (size_t i = 0; i < n; ++i) {
    if (text == names[i]) {
      return static_cast<Enum>(i);
    }
  }
  throw Error(ErrorCode::failure, fmt::format("'{}' is not a {}", text, what));
}

}  // namespace

const char* to_string(State state) { return state_names.at(static_cast<size_t>(state)); }
State parse_state(std::string_view text) { return parse<State>("state", state_names, text); }

const char* to_string(Consistency consistency) { return consistency_names.at(static_cast<size_t>(consistency)); }
Consistency parse_consistency(std::string_view text) {
  return parse<Consistency>("consistency", consistency_names, text);
}

}  // namespace bpg
