#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

struct CreateBranch {
  Subject subject;
  std::optional<SubjectAt> from{};  ///< main's present state where it is not given
  bool fast = false;                ///< crash-consistent: no checkpoint on the source
  bool start = true;
  bool ephemeral = false;           ///< made for one command: never synced
  std::optional<Time> expires_at{};
  bool archive = true;                      ///< unless it is ephemeral or expires
  std::string profile{};                    ///< of the configuration; empty: none
  std::vector<ServerSetting> settings{};    ///< over what it inherits (engine/setting_layers.hpp)
};

BranchView create_branch(Context& context, const CreateBranch& request);

/// Live branches of one database, or of all; parents before their children.
std::vector<BranchView> list_branches(const Context& context, const std::optional<std::string>& database, Measure measure);
BranchView get_branch(const Context& context, const Subject& subject, Measure measure);

/// Changes the name; the server is not touched.
BranchView rename_branch(Context& context, const Subject& subject, const std::string& name);

struct ResetBranch {
  Subject subject;
  /// A snapshot of the branch or of its parent; else a moment of the parent, or of the branch itself where it has none.
  /// Empty: the parent's present state.
  std::string to{};
  bool fast = false;
  bool now = false;   ///< free the old volume at once instead of keeping it
};

/// Gives the branch a new volume; its name, port and password stay. The old volume is kept.
BranchView reset_branch(Context& context, const ResetBranch& request);

struct RestoreBranch {
  Subject subject;
  std::string at;     ///< a moment of its own history, or one of its snapshots
  bool now = false;   ///< free the old volume at once instead of keeping it
};

/// Takes the branch back to a moment of its own history: as a reset, also of a branch without a parent.
BranchView restore_branch(Context& context, const RestoreBranch& request);

struct UndoReset {
  Subject subject;
  std::string to{};  ///< a volume of the branch that is still kept; empty: the one before the last move
};

/// Points the branch at a volume that it had before; the present one is kept in its place, so undo undoes itself.
BranchView undo_reset(Context& context, const UndoReset& request);

}  // namespace bpg::engine
