#pragma once

#include <filesystem>
#include <string>

namespace bpg::workspace {

/// The post-checkout hook of a directory of hooks, and beside it the hook that was there before, which ours calls first.
struct Hook {
  std::filesystem::path file;  ///< …/post-checkout
  std::filesystem::path kept;  ///< …/post-checkout.before-bpg

  static Hook in(const std::filesystem::path& hooks);

  bool is_ours() const;
};

/// How the hook runs bpg: in words that are quoted for the shell.
struct HookCommand {
  std::string program;  ///< the program, absolute; where it is gone the hook looks into PATH
  std::string options;  ///< the global options, each followed by a blank; may be empty
};

/// Puts our hook in its place; another that was there is kept, and called first. What is so already stays so. Interrupted,
/// it leaves the old hook or ours. Returns whether something was changed.
bool install_hook(const Hook& hook, const HookCommand& command);

enum class Uninstalled {
  removed,    ///< there is no hook now
  put_back,   ///< the hook that was there before is in its place again
  not_there,  ///< ours was not there
};

/// Takes our hook away. Throws `Error{refused}` where somebody put another in its place while one is kept beside.
Uninstalled uninstall_hook(const Hook& hook);

}  // namespace bpg::workspace
