#include "bpg/cli/json.hpp"

#include "bpg/cli/version.hpp"
#include "bpg/postgres/connection_string.hpp"

namespace bpg::cli {

namespace {

Json or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }
Json or_null(const std::optional<Time>& time) { return time ? Json(to_rfc3339(*time)) : Json(nullptr); }
Json or_null(const std::optional<Lsn>& lsn) { return lsn ? Json(lsn->str()) : Json(nullptr); }
Json or_null(const std::optional<SnapshotId>& id) { return id ? Json(id->str()) : Json(nullptr); }
const char* runtime_name(const std::string& image) { return image.empty() ? "native" : "docker"; }
/// To the millisecond.
double seconds(std::chrono::microseconds duration) {
  return static_cast<double>(std::chrono::round<std::chrono::milliseconds>(duration).count()) / 1000;
}
Json null_if_empty(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

void add_usage(Json& object, const std::optional<storage::Usage>& usage) {
  object["unique_bytes"] = usage ? Json(usage->unique_bytes) : Json(nullptr);
  object["shared_bytes"] = usage ? Json(usage->shared_bytes) : Json(nullptr);
}

Json range_json(const std::optional<engine::RestorableRange>& range) {
  if (!range) {
    return nullptr;
  }
  return {{"from", to_rfc3339(range->from)},
          {"until", or_null(range->until)},
          {"from_lsn", range->from_lsn.str()},
          {"until_lsn", range->until_lsn.str()}};
}

}  // namespace

Json to_json(const engine::BranchView& branch) {
  Json volume{{"id", branch.volume.id.str()}, {"driver", branch.volume.driver}, {"path", branch.volume.path}};
  add_usage(volume, branch.volume.usage);
  return {{"id", branch.id.str()},
          {"database", branch.database},
          {"name", branch.name},
          {"subject", branch.subject()},
          {"parent", or_null(branch.parent)},
          {"status", branch.status},
          {"host", branch.host},
          {"port", branch.port},
          {"volume", volume},
          {"origin_snapshot", or_null(branch.origin)},
          {"profile", null_if_empty(branch.profile)},
          {"durability", branch.relaxed ? "relaxed" : "durable"},
          {"expires_at", or_null(branch.expires_at)},
          {"protected", branch.is_protected},
          {"ephemeral", branch.ephemeral},
          {"archived", branch.archived},
          {"created_at", to_rfc3339(branch.created_at)},
          {"deleted_at", or_null(branch.deleted_at)},
          {"restored", branch.restored ? to_json(*branch.restored) : Json(nullptr)}};
}

Json to_json(const engine::RestorePlan& plan) {
  return {{"moment", to_string(plan.moment)},
          {"time", or_null(plan.time)},
          {"lsn", plan.end.str()},
          {"timeline", plan.timeline},
          {"volume", plan.volume.id.str()},
          {"base", plan.base.id.str()},
          {"wal_segments", plan.segments},
          {"wal_bytes", plan.wal_bytes},
          {"estimated_seconds", seconds(plan.estimated)},
          {"seconds", plan.took ? Json(seconds(*plan.took)) : Json(nullptr)}};
}

Json to_json(const engine::HistoryEntry& entry) {
  return {{"volume", entry.volume.str()},
          {"state", entry.state},
          {"came_by", entry.came_by},
          {"parent", entry.parent ? Json(entry.parent->str()) : Json(nullptr)},
          {"from", to_rfc3339(entry.from)},
          {"until", or_null(entry.until)},
          {"archived", entry.archived},
          {"restorable", range_json(entry.range)}};
}

Json to_json(const engine::RestorePointView& point) {
  return {{"subject", point.subject}, {"name", point.name}, {"lsn", point.lsn.str()}, {"time", to_rfc3339(point.time)}};
}

Json to_json(const engine::DatabaseView& database) {
  return {{"id", database.id.str()},
          {"name", database.name},
          {"pg_version", database.pg_version},
          {"pg_database", database.pg_database},
          {"runtime", runtime_name(database.image)},
          {"image", null_if_empty(database.image)},
          {"branches", database.branches},
          {"created_at", to_rfc3339(database.created_at)}};
}

Json to_json(const engine::SnapshotView& snapshot) {
  return {{"id", snapshot.id.str()},
          {"subject", snapshot.database + "/" + snapshot.branch},
          {"database", snapshot.database},
          {"branch", snapshot.branch},
          {"label", null_if_empty(snapshot.label)},
          {"scheduled", snapshot.scheduled},
          {"consistency", to_string(snapshot.consistency)},
          {"volume", snapshot.volume.str()},
          {"start_lsn", or_null(snapshot.start_lsn)},
          {"stop_lsn", or_null(snapshot.stop_lsn)},
          {"created_at", to_rfc3339(snapshot.created_at)}};
}

Json to_json(const engine::RetainedView& retained) {
  Json object{{"volume", retained.volume.str()},
              {"subject", retained.subject},
              {"retired_by", retained.retired_by},
              {"retired_at", or_null(retained.retired_at)},
              {"kept_until", or_null(retained.keep_until)},
              {"held_by", null_if_empty(retained.held_by)}};
  add_usage(object, retained.usage);
  return object;
}

Json to_json(const engine::CleanUpEntry& entry) {
  const bool is_branch = entry.kind == engine::CleanUpEntry::Kind::expired_branch;
  Json object{{"kind", is_branch ? "branch" : "volume"}};
  object.update(to_json(entry.volume));
  object["retired_by"] = null_if_empty(entry.volume.retired_by);
  object["expires_at"] = or_null(entry.expires_at);
  object["deleted"] = entry.deleted;
  object["freed"] = entry.freed;
  object["why"] = entry.why;
  return object;
}

Json to_json(const engine::DeletedSnapshot& deleted) {
  Json object = to_json(deleted.snapshot);
  object["needed_by"] = deleted.needed_by;
  return object;
}

Json to_json(const engine::ScheduleView& schedule) {
  Json keep;
  if (schedule.keep) {
    for (const RetentionUnit unit : retention_units) {
      const int number = schedule.keep->of(unit);
      keep[to_string(unit)] = number > 0 ? Json(number) : Json(nullptr);
    }
  }
  return {{"subject", schedule.subject},
          {"keep", keep},
          {"snapshots", schedule.snapshots},
          {"latest_at", or_null(schedule.latest)},
          {"due_at", or_null(schedule.due)}};
}

Json to_json(const engine::TickEntry& entry) {
  Json kept = Json::array();
  for (const engine::KeptSnapshot& each : entry.kept) {
    Json object = to_json(each.snapshot);
    object["kept_by"] = Json::array();
    for (const RetentionUnit unit : each.kept_by) {
      object["kept_by"].push_back(to_string(unit));
    }
    kept.push_back(object);
  }
  return {{"subject", entry.subject},
          {"due", entry.due},
          {"made", entry.made ? to_json(*entry.made) : Json(nullptr)},
          {"kept", kept},
          {"deleted", to_json(entry.deleted)},
          {"held", null_if_empty(entry.held)},
          {"error", entry.failure ? Json(entry.failure->message()) : Json(nullptr)}};
}

Json to_json(const engine::Status& status) {
  Json late = Json::array();
  for (const engine::LateArchive& each : status.late_archives) {
    late.push_back({{"subject", each.subject}, {"waiting", each.waiting}, {"since", to_rfc3339(each.since)}});
  }
  return {{"version", version},
          {"storage",
           {{"driver", status.location.driver},
            {"root", status.location.root.string()},
            {"total_bytes", status.space.total_bytes},
            {"free_bytes", status.space.free_bytes}}},
          {"databases", to_json(status.databases)},
          {"branches", to_json(status.branches)},
          {"retained", to_json(status.retained)},
          {"late_archives", late}};
}

Json to_json(const engine::Info& info) {
  Json moves = Json::array();
  for (const Move& move : info.moves) {
    moves.push_back({{"from_volume", move.from.str()},
                     {"to_volume", move.to.str()},
                     {"reason", move.reason},
                     {"at", to_rfc3339(move.at)}});
  }
  return {{"branch", to_json(info.branch)},
          {"database", to_json(info.database)},
          {"children", to_json(info.children)},
          {"snapshots", to_json(info.snapshots)},
          {"retained", to_json(info.kept)},
          {"moves", moves},
          {"fork_lsn", or_null(info.fork_lsn)},
          {"socket_directory", info.socket_directory},
          {"log_file", info.log_file}};
}

Json to_json(const engine::SettingsView& view) {
  Json settings = Json::array();
  for (const engine::SettingView& setting : view.settings) {
    settings.push_back({{"name", setting.name},
                        {"value", setting.value},
                        {"source", setting.source},
                        {"effective", or_null(setting.effective)},
                        {"pending_restart", setting.pending_restart}});
  }
  return {{"subject", view.subject}, {"profile", null_if_empty(view.profile)}, {"settings", settings}};
}

Json to_json(const engine::WalView& wal) {
  Json gaps = Json::array();
  for (const engine::WalGap& gap : wal.gaps) {
    gaps.push_back({{"first", gap.first}, {"last", gap.last}, {"segments", gap.segments}});
  }
  Json failure = nullptr;
  if (wal.last_failure) {
    failure = {{"file", wal.last_failure->file}, {"at", to_rfc3339(wal.last_failure->at)}, {"current", wal.last_failure->current}};
  }
  return {{"subject", wal.subject},
          {"volume", wal.volume.str()},
          {"state", wal.state},
          {"archived", wal.archived},
          {"problem", null_if_empty(wal.problem)},
          {"segments", wal.segments},
          {"segment_bytes", wal.segment_bytes},
          {"bytes", wal.bytes},
          {"stored_bytes", wal.stored_bytes},
          {"codecs", wal.codecs},
          {"first_segment", or_null(wal.first_segment)},
          {"last_segment", or_null(wal.last_segment)},
          {"restorable", range_json(wal.range)},
          {"gaps", gaps},
          {"damaged", wal.damaged},
          {"waiting", wal.waiting},
          {"last_archived_at", or_null(wal.last_archived_at)},
          {"last_failure", failure}};
}

Json to_json(const engine::VerifiedWal& verified) {
  Json findings = Json::array();
  for (const engine::WalFinding& finding : verified.findings) {
    findings.push_back({{"file", null_if_empty(finding.file)}, {"problem", finding.problem}});
  }
  return {{"subject", verified.subject}, {"volume", verified.volume.str()}, {"files", verified.files}, {"findings", findings}};
}

Json to_json(const engine::WalCleanUpEntry& entry) {
  Json given_up = Json::array();
  for (const engine::GivenUp& each : entry.given_up) {
    given_up.push_back({{"snapshot", each.snapshot.str()},
                        {"label", null_if_empty(each.label)},
                        {"from", to_rfc3339(each.from)},
                        {"until", to_rfc3339(each.until)}});
  }
  return {{"subject", entry.subject},
          {"volume", entry.volume.str()},
          {"state", entry.state},
          {"segments", entry.segments},
          {"bytes", entry.bytes},
          {"kept_from", or_null(entry.kept_from)},
          {"restorable_from", or_null(entry.restorable_from)},
          {"why", null_if_empty(entry.why)},
          {"given_up", given_up},
          {"problem", null_if_empty(entry.problem)}};
}

Json to_json(const engine::ConfigEntry& entry) {
  const auto value = [](const engine::ConfigValue& from) {
    return from.is_list ? Json(from.items) : from.items.empty() ? Json(nullptr) : Json(from.items.front());
  };
  return {{"key", entry.key},
          {"value", value(entry.value)},
          {"default", value(entry.default_value)},
          {"origin", entry.origin},
          {"environment", null_if_empty(entry.environment)},
          {"form", entry.form},
          {"effect", entry.effect}};
}

Json to_json(const engine::InitResult& result) {
  return {{"home", result.home.string()},
          {"already_done", result.already_done},
          {"catalog_put_back", or_null(result.put_back)},
          {"driver", result.location.driver},
          {"root", result.location.root.string()},
          {"dataset", null_if_empty(result.location.dataset)},
          {"image", null_if_empty(result.location.image.string())},
          {"reason", null_if_empty(result.reason)},
          {"notes", result.notes},
          {"runtime", runtime_name(result.image)},
          {"container_image", null_if_empty(result.image)},
          {"pg_versions", result.pg_versions},
          {"account", null_if_empty(result.account)}};
}

Json to_json(const Subject& subject, const postgres::Endpoint& endpoint) {
  Json variables = Json::object();
  for (const auto& [name, value] : postgres::environment(endpoint)) {
    variables[name] = value;
  }
  return {{"subject", subject.str()},
          {"url", postgres::url(endpoint)},
          {"dsn", postgres::dsn(endpoint)},
          {"jdbc", postgres::jdbc_url(endpoint)},
          {"env", variables},
          {"host", endpoint.host},
          {"port", endpoint.port},
          {"user", endpoint.user},
          {"password", endpoint.password},
          {"database", endpoint.database}};
}

}  // namespace bpg::cli
