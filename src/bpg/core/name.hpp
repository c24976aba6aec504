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

/// Whether check_name() accepts it.
bool is_name(std::string_view text);

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

/// A subject, at a moment where one is named: "app/main", "app/main@before-migration", "app/main@snap_…",
/// "app/main@2 hours ago"; "app/main@@before-v2" is at a restore point.
struct SubjectAt {
  Subject subject;
  std::string moment;  ///< as typed: a snapshot's label or id, or any moment (core/moment.hpp); empty: the present

  std::string str() const { return moment.empty() ? subject.str() : subject.str() + "@" + moment; }
  auto operator<=>(const SubjectAt&) const = default;

  /// What follows the first '@' is the moment, and is not looked at. Throws `Error{usage}`.
  static SubjectAt parse(std::string_view text);
};

/// Whether a subject, at a moment or not, says its database: "app/dev@0/953F5508" does, "dev@0/953F5508" does not.
bool says_database(std::string_view subject);

}  // namespace bpg
