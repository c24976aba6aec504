#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace bpg {

/// What kind of failure it is. `describe()` is the one table that gives each its exit status, HTTP status
/// and JSON slug.
enum class ErrorCode {
  failure,
  usage,
  not_found,
  already_exists,
  has_children,
  refused,
  not_initialised,
  storage,
  postgres,
  permission,
  no_space,
  environment,
  busy,
  interrupted,
};

struct ErrorKind {
  int exit_status;
  int http_status;
  std::string_view slug;     ///< as it stands in JSON, e.g. "not_found"
  std::string_view meaning;  ///< one line for the help
};

const ErrorKind& describe(ErrorCode code);

/// The one exception of betterpg: thrown where something ends the operation.
///
/// `message` is lower case, names the thing and has no full stop. `hint` is a sentence that says what to do
/// next; it may be empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string message, std::string hint = {});

  ErrorCode code() const { return m_code; }
  const std::string& message() const { return m_message; }
  const std::string& hint() const { return m_hint; }

  /// The same error, said of a larger operation: "creating app/dev: <message>".
  Error with_context(std::string_view context) const;

 private:
  ErrorCode m_code;
  std::string m_message;
  std::string m_hint;
};

/// An error about a failed system call: "<what>: <strerror(error)>". EACCES and EPERM become `permission`,
/// ENOSPC and EDQUOT `no_space`, anything else `environment`.
Error system_error(int error, std::string_view what);

}  // namespace bpg
