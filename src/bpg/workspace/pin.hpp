#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "bpg/core/name.hpp"

namespace bpg::workspace {

inline constexpr const char* pin_name = ".bpg.yaml";

/// What the pin file of a work tree says; each field's comment is its key.
struct Pin {
  std::filesystem::path file;
  std::string database;  ///< database: whose branches a word without a slash names
  SubjectAt parent;      ///< parent: what the branches that follow git are made from; the database's main
};

struct FoundPin {
  std::optional<Pin> pin{};
  /// A pin file that was passed over, because it belongs to another user; empty where there was none.
  std::filesystem::path passed_over{};
};

/// The pin file that holds in `directory`: in it or in the nearest directory above, up to the top of its git work tree.
/// Neither a directory nor a file of another user counts, except root's. Reads it strictly: an unknown key or a wrong value
/// throws `Error{usage}` that names file, line and key.
FoundPin find_pin(const std::filesystem::path& directory);

/// The same of the current directory; nothing where that is gone.
FoundPin find_pin();

Pin read_pin(const std::filesystem::path& file);

/// The file's text for a pin that bpg writes, and whether a text is such a one, word for word.
std::string pin_text(const Pin& pin);
bool is_written_pin(const std::string& text);

/// "develop", or at a snapshot "develop@fixtures", with or without the database before it. Throws `Error{usage}`.
SubjectAt parse_parent(const std::string& database, const std::string& text);

/// A subject as it was typed where `pin` holds: a word without a slash is a branch of its database. Throws `Error{usage}`.
SubjectAt parse_subject(std::string_view text, const Pin& pin);

}  // namespace bpg::workspace
