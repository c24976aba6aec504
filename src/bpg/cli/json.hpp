#pragma once

#include <nlohmann/json.hpp>

#include "bpg/engine/branch_history.hpp"
#include "bpg/engine/cleanup.hpp"
#include "bpg/engine/config.hpp"
#include "bpg/engine/init.hpp"
#include "bpg/engine/restore_point.hpp"
#include "bpg/engine/settings.hpp"
#include "bpg/engine/snapshot_schedule.hpp"
#include "bpg/engine/snapshots.hpp"
#include "bpg/engine/status.hpp"
#include "bpg/engine/views.hpp"
#include "bpg/engine/wal_cleanup.hpp"
#include "bpg/engine/wal_info.hpp"
#include "bpg/engine/wal_verify.hpp"
#include "bpg/postgres/session.hpp"

namespace bpg::cli {

using Json = nlohmann::ordered_json;

/// One object for each noun, the same wherever it appears (docs/json.md).
Json to_json(const engine::BranchView& branch);
Json to_json(const engine::RestorePlan& plan);
Json to_json(const engine::HistoryEntry& entry);
Json to_json(const engine::RestorePointView& point);
Json to_json(const engine::DatabaseView& database);
Json to_json(const engine::SnapshotView& snapshot);
Json to_json(const engine::RetainedView& retained);
Json to_json(const engine::CleanUpEntry& entry);
Json to_json(const engine::DeletedSnapshot& deleted);
Json to_json(const engine::ScheduleView& schedule);
Json to_json(const engine::TickEntry& entry);
Json to_json(const engine::Status& status);
Json to_json(const engine::Info& info);
Json to_json(const engine::InitResult& result);
Json to_json(const Subject& subject, const postgres::Endpoint& endpoint);
Json to_json(const engine::SettingsView& settings);
Json to_json(const engine::WalView& wal);
Json to_json(const engine::VerifiedWal& verified);
Json to_json(const engine::WalCleanUpEntry& entry);
Json to_json(const engine::ConfigEntry& entry);

template <class View>
Json to_json(const std::vector<View>& views) {
  Json array = Json::array();
  for (const View& view : views) {
    array.push_back(to_json(view));
  }
  return array;
}

}  // namespace bpg::cli
