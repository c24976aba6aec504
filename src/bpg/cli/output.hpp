#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "bpg/cli/progress.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/terminal.hpp"

namespace bpg::cli {

/// How results are printed: tables for people, JSON for programs, or the bare result (--quiet).
struct Output {
  bool json = false;
  bool quiet = false;
  int verbosity = 0;
  Screen screen;              ///< what standard output is
  bool error_colour = false;  ///< on standard error

  /// The result of a command in its three forms.
  void result(const nlohmann::ordered_json& as_json, std::string_view as_quiet, std::string_view as_text) const;

  /// Something a person should know beside the result: standard error, not with --quiet or JSON.
  void note(std::string_view text) const;

  /// The same in the midst of work that shows on a terminal how far it is, and goes on behind it. Not where none is shown.
  void note_on_the_way(std::string_view text);

  void error(const Error& error) const;

  /// From now on a command that takes longer than half a second shows on the terminal what it is at, until its result
  /// or `end_progress`.
  void begin_progress();
  void end_progress() const;

  std::unique_ptr<Progress> progress;
};

}  // namespace bpg::cli
