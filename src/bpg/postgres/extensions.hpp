#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bpg/postgres/session.hpp"

namespace bpg::postgres {

struct Extension {
  std::string name;
  std::string version{};  ///< empty: the default one

  /// "postgis" or "postgis=3.3.2"; throws `Error{usage}`.
  static Extension parse(std::string_view text);
};

/// Throws `Error{not_found}` where the server has no such extension or version (with what was probably meant, or the package
/// that brings it) and `Error{refused}` where one works only in shared_preload_libraries and is not there.
void check_extensions(Session& session, const std::vector<Extension>& extensions);

/// Creates the extensions, with those they need, in the session's database. One that is there already stays, if it is of the
/// version that was asked for.
void create_extensions(Session& session, const std::vector<Extension>& extensions);

/// A sentence: which package brings an extension.
std::string extension_package_hint(const std::string& extension, int major);

}  // namespace bpg::postgres
