#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

namespace bpg {

inline constexpr size_t longest_name = 63;

/// Throws `Error{usage}` unless `name` is a valid name of a `what` ("database", "branch", "label"):
/// [a-z0-9][a-z0-9_-]*, at most 63 bytes.
void check_name(std::string_view what, std::string_view name);

/// The branch that every database begins with.
inline constexpr std::string_view main_branch = "main";

/// What a command is about: "app/fix-login". "app" alone is "app/main" where a branch is wanted.
struct Subject {
  std::string database;
  std::string branch;

  std::string str() const { return database + "/" + branch; }
  auto operator<=>(const Subject&) const = default;

  /// "app/fix-login" or "app"; throws `Error{usage}`.
  static Subject parse(std::string_view text);
};

/// A subject, at a snapshot where one is named: "app/main", "app/main@before-migration", "app/main@snap_…".
struct SubjectAt {
  Subject subject;
  std::string snapshot;  ///< a label or a snapshot id; empty: the present state

  std::string str() const { return snapshot.empty() ? subject.str() : subject.str() + "@" + snapshot; }
  auto operator<=>(const SubjectAt&) const = default;

  /// Throws `Error{usage}`.
  static SubjectAt parse(std::string_view text);
};

}  // namespace bpg
