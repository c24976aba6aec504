#include "bpg/engine/recover.hpp"

#include <fmt/format.h>

#include "bpg/engine/lock.hpp"
#include "bpg/engine/making.hpp"
#include "bpg/engine/purge.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/switching.hpp"
#include "bpg/util/error.hpp"

namespace bpg::engine {

namespace {

std::optional<FileLock> lock_if_free(const Context& context, const std::string& id) {
  return FileLock::acquire(context.home.lock_file(id), FileLock::Mode::exclusive, std::chrono::milliseconds(0));
}

/// A deletion that something outside keeps from being finished takes seconds to fail: the next command need not wait
/// for that again.
constexpr std::chrono::seconds retry_after{60};
std::string failure_key(const VolumeId& volume) { return "deletion failed/" + volume.str(); }

class Recovery {
 public:
  explicit Recovery(Context& context) : m_context(context) {}

  std::vector<std::string> run() {
    undo_volumes();
    finish_volumes();
    undo_or_finish_snapshots();
    end_switches();
    stop_retired();
    return std::move(m_did);
  }

 private:
  /// One thing that cannot be mended must not keep the others, or the command itself, from going on. False where it
  /// cannot.
  template <class Work>
  bool attempt(const std::string& what, const std::string& subject, Work&& work) {
    try {
      work();
      m_did.push_back(fmt::format("{} of {}", what, subject));
      return true;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) {
        throw;
      }
      m_did.push_back(fmt::format("could not complete: {} of {}: {}", what, subject, error.message()));
      return false;
    }
  }

  bool failed_lately(const VolumeId& volume) const {
    const auto at = m_context.catalog.value(failure_key(volume));
    return at && m_context.clock.now() - Time(std::chrono::microseconds(std::stoll(*at))) < retry_after;
  }

  void finish_volume(const VolumeId& volume) {
    const bool finished = attempt("finished the interrupted deletion", fmt::format("volume {}", volume.str()),
                                  [&] { finish_purge(m_context, volume); });
    if (!finished) {
      const auto now = m_context.clock.now().time_since_epoch().count();
      m_context.catalog.write([&] { m_context.catalog.set_value(failure_key(volume), std::to_string(now)); });
    } else if (m_context.catalog.value(failure_key(volume))) {
      m_context.catalog.write([&] { m_context.catalog.erase_value(failure_key(volume)); });
    }
  }

  /// The volume's lock, where nobody is at work on it and it is still as it was listed.
  std::optional<FileLock> try_lock_still(const Volume& listed) {
    auto lock = try_lock_volume(m_context, listed.id);
    const auto now = lock ? m_context.catalog.volumes.find(listed.id) : std::nullopt;
    if (lock && (!now || now->state != listed.state)) {
      forget_lock(m_context, listed.id.str());
      lock.reset();
    }
    return lock;
  }

  void undo_volumes() {
    for (const Volume& volume : m_context.catalog.volumes.list(State::creating)) {
      if (const auto lock = try_lock_still(volume)) {
        const std::string subject = subject_of(m_context.catalog, volume.branch);
        attempt("undid the interrupted making", subject, [&] { undo_creation(m_context, volume.id); });
      }
    }
  }

  void finish_volumes() {
    for (const Volume& volume : m_context.catalog.volumes.list(State::deleting)) {
      if (failed_lately(volume.id)) {
        continue;
      }
      if (const auto lock = try_lock_still(volume)) {
        finish_volume(volume.id);
      }
    }
  }

  void undo_or_finish_snapshots() {
    for (const State state : {State::creating, State::deleting}) {
      for (Snapshot& snapshot : m_context.catalog.snapshots.list(state)) {
        const auto volume = m_context.catalog.volumes.find(snapshot.volume);
        const bool goes_with_a_volume = (volume && (volume->state == State::creating || volume->state == State::deleting)) ||
                                        !m_context.catalog.volumes.clones_of(snapshot.id).empty();
        const auto lock = goes_with_a_volume ? std::nullopt : lock_if_free(m_context, snapshot.id.str());
        if (!lock) {
          continue;
        }
        const auto now = m_context.catalog.snapshots.find(snapshot.id);
        if (!now || now->state != state) {  // whoever was at work on it has just ended
          forget_lock(m_context, snapshot.id.str());
          continue;
        }
        attempt(state == State::creating ? "undid the interrupted making" : "finished the interrupted deletion",
                fmt::format("snapshot {}", snapshot.id.str()), [&] {
                  m_context.storage->destroy_snapshot(snapshot.volume, snapshot.id);
                  m_context.catalog.write([&] {
                    if (state == State::creating) {
                      m_context.catalog.snapshots.erase(snapshot.id);
                    } else {
                      snapshot.state = State::deleted;
                      m_context.catalog.snapshots.update(snapshot);
                    }
                  });
                });
        forget_lock(m_context, snapshot.id.str());
      }
    }
  }

  void end_switches() {
    for (const Branch& branch : m_context.catalog.branches.list_live()) {
      if (!branch.switching) {
        continue;
      }
      if (const auto lock = lock_if_free(m_context, branch.id.str())) {
        attempt("ended the interrupted switch", subject_of(m_context.catalog, branch.id),
                [&] { end_switching(m_context, branch.id); });
      }
    }
  }

  void stop_retired() {
    for (const Volume& volume : m_context.catalog.volumes.list(State::retired)) {
      if (!server_status(m_context, volume.id).running) {
        continue;
      }
      const auto branch = m_context.catalog.branches.find(volume.branch);
      const auto lock = lock_if_free(m_context, volume.branch.str());
      if (branch && lock) {
        attempt("finished the interrupted deletion", subject_of(m_context.catalog, branch->id),
                [&] { stop_server(m_context, volume.id); });
      }
    }
  }

  Context& m_context;
  std::vector<std::string> m_did;
};

}  // namespace

std::vector<std::string> recover(Context& context) { return Recovery(context).run(); }

}  // namespace bpg::engine
