#include "bpg/postgres/handover.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/postgres/data_directory.hpp"
#include "bpg/postgres/settings.hpp"

namespace bpg::postgres {

namespace {

/// What must not become the owner role's. Members of an extension stay the superuser's, as with a trusted extension
/// (extension.c): else the owner could call what an extension keeps from everybody, such as adminpack's pg_file_write.
constexpr const char* what_stays_the_superusers = R"(
SELECT DISTINCT object.type, object.identity
FROM pg_shdepend s, pg_identify_object(s.classid, s.objid, 0) object
WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND s.deptype = 'o' AND s.refclassid = 'pg_authid'::regclass
  AND s.refobjid IN (SELECT oid FROM pg_roles WHERE rolname = ANY ($1::text[]))
  AND (object.type IN ('event trigger', 'foreign-data wrapper', 'publication', 'subscription')
       OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = s.classid AND d.objid = s.objid AND d.deptype = 'e'))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = s.classid AND d.objid = s.objid AND d.deptype IN ('a', 'i')
                    AND d.refclassid = 'pg_class'::regclass)  -- goes with its table
)";

/// The word of ALTER for a type of pg_identify_object.
std::string alter_word(const std::string& type) {
  return type == "foreign-data wrapper" ? "foreign data wrapper"
         : type == "composite type"     ? "type"
         : type == "statistics object"  ? "statistics"
                                        : type;
}

}  // namespace

void make_loading_role(Session& session) { session.query(fmt::format("CREATE ROLE {} SUPERUSER", loading_role)); }

void hand_over(Session& session, const std::set<std::string>& roles) {
  std::vector<std::string> all{loading_role};
  std::vector<std::string> texts{session.quote_literal(loading_role)};
  for (const std::string& role : roles) {
    all.push_back(session.quote_identifier(role));
    texts.push_back(session.quote_literal(role));
  }
  const std::string array = session.query_value(fmt::format("SELECT array[{}]::text[]", fmt::join(texts, ", ")));
  session.execute("SET session_replication_role = replica");  // the dump's event triggers are not to run here
  for (const Row& row : session.query(what_stays_the_superusers, {array})) {
    session.execute(fmt::format("ALTER {} {} OWNER TO {}", alter_word(row.at(0).value()), row.at(1).value(), superuser));
  }
  session.execute(fmt::format("REASSIGN OWNED BY {} TO {}", fmt::join(all, ", "), owner_role));
  for (const std::string& role : roles) {
    session.execute(fmt::format("GRANT {} TO {} WITH ADMIN OPTION", session.quote_identifier(role), owner_role));
  }
  session.execute(fmt::format("DROP OWNED BY {}", loading_role));  // all that is left are privileges
  session.execute(fmt::format("DROP ROLE {}", loading_role));
}

}  // namespace bpg::postgres
