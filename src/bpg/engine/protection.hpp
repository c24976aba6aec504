#pragma once

#include <string>

#include "bpg/engine/views.hpp"

namespace bpg::engine {

/// Keeps a branch from reset, undo, deletion and expiry, or lets it go again. One that gets protected expires no more.
BranchView protect_branch(Context& context, const Subject& subject);
BranchView unprotect_branch(Context& context, const Subject& subject);

/// Throws `Error{refused}` where the branch is protected: "app/main is protected and cannot <verb>". The branch's lock
/// must be held, so that it stays so.
void refuse_if_protected(const BranchRef& branch, const std::string& verb);

/// Was the volume cut from another branch, which is protected now?
bool comes_from_protected(const Context& context, const Volume& volume);

}  // namespace bpg::engine
