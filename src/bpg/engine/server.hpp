#pragma once

#include <chrono>
#include <functional>

#include "bpg/engine/find.hpp"
#include "bpg/engine/restore_plan.hpp"
#include "bpg/postgres/session.hpp"

namespace bpg::engine {

inline std::filesystem::path data_directory(const Context& context, const VolumeId& volume) {
  return context.storage->volume_path(volume) / "data";
}

/// In bytes, as the control file of the volume's cluster says.
uint64_t wal_segment_size(const Context& context, const VolumeId& volume);

/// What tells the volume's server from every other: enough to look at it, and to end it.
runtime::ServerSpec server_spec(const Context& context, const VolumeId& volume);

/// What the process of this volume's server looks like now.
runtime::ServerStatus server_status(const Context& context, const VolumeId& volume);

/// The superuser's way to a branch's server: the private socket.
postgres::Endpoint admin_endpoint(const Context& context, const Branch& branch, const VolumeId& volume);

/// The owner's way: loopback, with the branch's password.
postgres::Endpoint owner_endpoint(const Context& context, const BranchRef& branch);

/// What the first start of a server is to do besides.
struct FirstStart {
  std::function<void(postgres::Session&)> settle{};  ///< runs as superuser in the database "postgres", before anybody is let in
  bool bulk_load = false;                            ///< `settle` will load much: the server is set up for that meanwhile
  const RestorePlan* restore = nullptr;              ///< first recover it to this moment
  Snapshot* base = nullptr;                          ///< in the end, take this snapshot of it, whose row stands
};

/// Starts the server of a volume for the first time, closed to the world: it is recovered, where that is asked for; what it
/// knows of its source is removed, and the owner's password becomes the branch's; then its endpoint is
/// opened and must answer as itself, writable. Sets `volume.started` and, where it has a parent, `volume.fork_lsn` (the caller
/// stores the row).
///
/// While the volume is still `creating` nothing is synced until the end, and then all at once; for an ephemeral branch,
/// never. Where the parent is protected, no password of its other roles opens the clone.
///
/// A recovery that did not land exactly where it was to is `Error{postgres}`. Returns how long recovery to a moment took, the
/// start of the server included; zero where there was none.
std::chrono::microseconds first_start(Context& context, const BranchRef& branch, Volume& volume, const std::string& password,
                                      const FirstStart& request = {});

/// Starts the branch's server, for the first time where it has not been, and returns when it is ready. Nothing
/// where it runs already. The branch's lock must be held.
void start_server(Context& context, const BranchRef& branch);

/// Has the branch's server take its settings as the catalog has them now: when this returns, it has read them. Where it
/// refuses one, `Error{usage}` in its words. What needs a restart waits for one. Nothing where it does not run; the
/// branch's lock must be held.
void reload_settings(const Context& context, const BranchRef& branch);

/// Waits until what a killed server left behind writes no more. The volume must have no server.
void wait_until_quiet(const Context& context, const VolumeId& volume);

/// Stops the server of a volume cleanly. Nothing where none runs.
void stop_server(Context& context, const VolumeId& volume);

/// Ends the server of a volume that is about to be destroyed, at once. Nothing where none runs.
void discard_server(Context& context, const VolumeId& volume);

}  // namespace bpg::engine
