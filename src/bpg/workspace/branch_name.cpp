#include "bpg/workspace/branch_name.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "bpg/core/name.hpp"
#include "bpg/util/text.hpp"

namespace bpg::workspace {

namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_valid_part(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

/// With slashes as two dashes, can the git name be told from the result?
bool is_reversible(std::string_view git_branch) {
  const auto parts = split(git_branch, '/');
  return std::ranges::all_of(parts, is_valid_part) && is_letter_or_digit(git_branch.front()) &&
         git_branch.find("--") == std::string_view::npos &&
         (parts.size() == 1 ||
          std::ranges::none_of(parts, [](std::string_view part) { return part.front() == '-' || part.back() == '-'; }));
}

std::string with_dashes(std::string_view git_branch) {
  std::string name;
  for (const char c : git_branch) {
    name += c == '/' ? "--" : std::string(1, c);
  }
  return name;
}

/// FNV-1a, folded to 32 bits.
uint32_t hash(std::string_view text) {
  uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return static_cast<uint32_t>(value ^ (value >> 32));
}

/// Letters and digits in lower case, with one dash for whatever is between them.
std::string readable(std::string_view text) {
  std::string name;
  for (char c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (is_letter_or_digit(c)) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  return name;
}

}  // namespace

std::string branch_name_of(std::string_view git_branch) {
  if (!git_branch.empty() && is_reversible(git_branch)) {
    if (std::string name = with_dashes(git_branch); name.size() <= longest_name) {
      return name;
    }
  }
  const std::string suffix = fmt::format("--{:08x}", hash(git_branch));
  std::string name = readable(git_branch).substr(0, longest_name - suffix.size());
  while (!name.empty() && name.back() == '-') {
    name.pop_back();
  }
  return (name.empty() ? "branch" : name) + suffix;
}

}  // namespace bpg::workspace
