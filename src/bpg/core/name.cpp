#include "bpg/core/name.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"

namespace bpg {

namespace {

constexpr const char* valid_names = "Names have lower-case letters, digits, '-' and '_', and begin with a letter or digit.";

bool has_valid_characters(std::string_view name) {
  constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view others = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  return !name.empty() && first.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of(others) == std::string_view::npos;
}

}  // namespace

void check_name(std::string_view what, std::string_view name) {
  if (name.empty()) {
    throw Error(ErrorCode::usage, fmt::format("the {} name is empty", what), valid_names);
  }
  if (name.size() > longest_name) {
    throw Error(ErrorCode::usage, fmt::format("{} name '{}…' is longer than {} bytes", what, name.substr(0, 20), longest_name),
                "Choose a shorter one.");
  }
  if (!has_valid_characters(name)) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not a valid {} name", name, what), valid_names);
  }
}

bool is_name(std::string_view text) { return text.size() <= longest_name && has_valid_characters(text); }

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
    result.moment = text.substr(at + 1);
    if (result.moment.empty()) {
      throw Error(ErrorCode::usage, fmt::format("no moment follows the '@' of '{}'", text),
                  "Name a snapshot or another moment of the branch, or leave '@' out.");
    }
  }
  return result;
}

bool says_database(std::string_view subject) {
  return subject.substr(0, subject.find('@')).find('/') != std::string_view::npos;
}

}  // namespace bpg
