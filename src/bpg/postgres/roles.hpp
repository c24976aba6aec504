#pragma once

#include <string>

#include "bpg/postgres/session.hpp"

namespace bpg::postgres {

/// Makes the owner role with this password and the project's database, which it owns. `session` is the superuser's.
void create_owner_and_database(Session& session, const std::string& database, const std::string& password);

/// Gives the owner role this password: the source's stops working.
void set_owner_password(Session& session, const std::string& password);

/// Disables every subscription and cuts it from its slot on the publisher, which stays its source's. `endpoint` is
/// the superuser's on any database of the cluster. The number that was cut off.
int cut_subscriptions(Session& session, const Endpoint& endpoint);

}  // namespace bpg::postgres
