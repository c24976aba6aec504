#pragma once

#include <string>

#include "bpg/workspace/git.hpp"
#include "bpg/workspace/hook.hpp"
#include "bpg/workspace/pin.hpp"

namespace bpg::workspace {

struct PinChoice {
  std::string database;  ///< empty: what the pin file says
  std::string parent;    ///< a branch or BRANCH@SNAPSHOT; empty: what the pin file says, or main
};

/// The pin at the top of the work tree; where there is none, the one that `install` is to write. Throws `Error{refused}`
/// where the file says otherwise than the choice.
Pin choose_pin(const WorkTree& tree, const PinChoice& choice);

struct Installed {
  bool wrote_pin = false;
  bool changed_hook = false;
};

/// Writes the pin file where there is none, and installs the hook. A failure leaves neither.
Installed install(const WorkTree& tree, const Pin& pin, const HookCommand& command);

struct TakenBack {
  Uninstalled hook = Uninstalled::not_there;
  bool removed_pin = false;
};

/// Takes back what `install` did. A pin file that was changed since, or is tracked by git, stays.
TakenBack uninstall(const WorkTree& tree);

}  // namespace bpg::workspace
