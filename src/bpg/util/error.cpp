#include "bpg/util/error.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace bpg {

const ErrorKind& describe(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage: {
      static constexpr ErrorKind kind{2, 400, "usage", "the command line or the configuration is wrong"};
      return kind;
    }
    case ErrorCode::not_found: {
      static constexpr ErrorKind kind{3, 404, "not_found", "there is no such thing"};
      return kind;
    }
    case ErrorCode::already_exists: {
      static constexpr ErrorKind kind{4, 409, "already_exists", "the name is taken"};
      return kind;
    }
    case ErrorCode::has_children: {
      static constexpr ErrorKind kind{5, 409, "has_children", "refused: other branches come from it"};
      return kind;
    }
    case ErrorCode::refused: {
      static constexpr ErrorKind kind{5, 409, "refused", "refused: it would break something"};
      return kind;
    }
    case ErrorCode::not_initialised: {
      static constexpr ErrorKind kind{6, 503, "not_initialised", "betterpg has not been set up here"};
      return kind;
    }
    case ErrorCode::storage: {
      static constexpr ErrorKind kind{6, 503, "storage", "the storage failed or is missing"};
      return kind;
    }
    case ErrorCode::postgres: {
      static constexpr ErrorKind kind{6, 503, "postgres", "PostgreSQL failed or is missing"};
      return kind;
    }
    case ErrorCode::permission: {
      static constexpr ErrorKind kind{6, 403, "permission", "the operating system does not permit it"};
      return kind;
    }
    case ErrorCode::no_space: {
      static constexpr ErrorKind kind{6, 507, "no_space", "there is not enough space"};
      return kind;
    }
    case ErrorCode::environment: {
      static constexpr ErrorKind kind{6, 503, "environment", "something the machine should have failed"};
      return kind;
    }
    case ErrorCode::busy: {
      static constexpr ErrorKind kind{7, 423, "busy", "another operation is at work on it"};
      return kind;
    }
    case ErrorCode::interrupted: {
      static constexpr ErrorKind kind{130, 499, "interrupted", "stopped by Ctrl-C or a signal"};
      return kind;
    }
    case ErrorCode::failure:
      break;
  }
  static constexpr ErrorKind kind{1, 500, "failure", "anything else"};
  return kind;
}

Error::Error(ErrorCode code, std::string message, std::string hint)
    : std::runtime_error(message), m_code(code), m_message(std::move(message)), m_hint(std::move(hint)) {}

Error Error::with_context(std::string_view context) const {
  return Error(m_code, fmt::format("{}: {}", context, m_message), m_hint);
}

Error system_error(int error, std::string_view what) {
  const std::string message = fmt::format("{}: {}", what, std::generic_category().message(error));
  switch (error) {
    case EACCES:
    case EPERM:
      return Error(ErrorCode::permission, message);
    case ENOSPC:
    case EDQUOT:
      return Error(ErrorCode::no_space, message, "Free some space, for example with 'bpg cleanup'.");
    default:
      return Error(ErrorCode::environment, message);
  }
}

}  // namespace bpg
