#pragma once

#include <set>
#include <string>

#include "bpg/postgres/session.hpp"

namespace bpg::postgres {

/// The role that a dump is loaded as: a superuser who is not the first one, so that what it makes can be given away as a
/// whole (REASSIGN OWNED refuses the first one's). It lives only while a dump is being loaded.
inline constexpr const char* loading_role = "betterpg_load";

/// `session` is the superuser's.
void make_loading_role(Session& session);

/// Gives everything in this database that belongs to the loading role, or to one of `roles`, to the owner role; what only a
/// superuser may own (event triggers, …), and what is inside extensions, to the superuser. The owner role becomes a member
/// of `roles`, with the right to grant and drop them. The loading role is dropped.
void hand_over(Session& session, const std::set<std::string>& roles);

}  // namespace bpg::postgres
