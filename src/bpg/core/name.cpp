#include "bpg/core/name.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg {

namespace {

constexpr const char* valid_names = "Names have lower-case letters, digits, '-' and '_', and begin with a letter or digit.";

}  // namespace

void check_name(std::string_view what, std::string_view name) {
  constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view others = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  if (name.empty()) {
    throw Error(ErrorCode::usage, fmt::format("the {} name is empty", what), valid_names);
  }
  if (name.size() > longest_name) {
    throw Error(ErrorCode::usage, fmt::format("{} name '{}…' is longer than {} bytes", what, name.substr(0, 20), longest_name),
                "Choose a shorter one.");
  }
  if (first.find(name[0]) == std::string_view::npos || name.find_first_not_of(others) != std::string_view::npos) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not a valid {} name", name, what), valid_names);
  }
}

Subject Subject::parse(std::string_view text) {
  const size_t slash = text.find('/');
  Subject subject{std::string(text.substr(0, slash)), std::string(main_branch)};
  if (slash != std::string_view::npos) {
    subject.branch = text.substr(slash + 1);
  }
  check_name("database", subject.database);
  check_name("branch", subject.branch);
  return subject;
}

SubjectAt SubjectAt::parse(std::string_view text) {
  const size_t at = text.find('@');
  SubjectAt result{Subject::parse(text.substr(0, at)), {}};
  if (at != std::string_view::npos) {
    result.snapshot = text.substr(at + 1);
    check_name("snapshot", result.snapshot);
  }
  return result;
}

}  // namespace bpg
