#pragma once

#include <string>

#include "bpg/postgres/session.hpp"

namespace bpg::postgres {

/// Gives the owner role the password of this verifier, so that any other stops working; makes the role where there is
/// none. `session` is the superuser's.
void set_owner_password(Session& session, const std::string& verifier);

/// Takes the password of every other role that has one, so that none of them logs in by it.
void remove_other_passwords(Session& session);

/// Makes the project's database, which belongs to the owner role.
void create_database(Session& session, const std::string& database);

/// Disables every subscription and cuts it from its slot on the publisher, which stays its source's. `endpoint` is
/// the superuser's on any database of the cluster. The number that was cut off.
int cut_subscriptions(Session& session, const Endpoint& endpoint);

}  // namespace bpg::postgres
