#include "bpg/engine/restore_plan.hpp"

#include <poll.h>

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/archived_wal.hpp"
#include "bpg/engine/branch_history.hpp"
#include "bpg/engine/restore_speed.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/engine/wal_archive.hpp"
#include "bpg/postgres/control_file.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/wal/prune.hpp"
#include "bpg/wal/search.hpp"
#include "bpg/wal/verify.hpp"

namespace bpg::engine {

namespace {

using namespace std::chrono_literals;

constexpr auto handover_deadline = 60s;

std::string show(Time time) { return to_rfc3339(time); }

/// A record to stop behind, or nothing to replay at all.
struct Target {
  Base base;
  std::optional<wal::Extent> record{};
  std::optional<Time> time{};
};

/// One volume's history, as its archive has it now.
class VolumeHistory {
 public:
  VolumeHistory(const Context& context, const BranchRef& branch, const Stay& stay)
      : m_context(context),
        m_branch(branch),
        m_stay(stay),
        m_archive(open_wal_archive(context, stay.volume.id)),
        m_bases(without_removed(bases_of(context, stay.volume), m_archive.identity().segment_size, wal::kept_from(m_archive))),
        m_control(postgres::read_control_file(data_directory(context, stay.volume.id))),
        m_history(wal::history_of(m_archive, m_control.timeline)),
        m_index(wal::Index::read(m_archive)) {
    if (m_bases.empty()) {
      throw not_restorable("it has no base yet, a snapshot from which recovery could begin",
                           fmt::format("'bpg snapshot create {}' makes one.", branch.subject()));
    }
  }

  uint32_t timeline() const { return m_control.timeline; }

  /// Where the moment is; nothing where this history does not hold it.
  std::optional<Target> find(const AtTime& at) {
    const Base* base = newest_base([&](const Base& candidate) { return candidate.snapshot.completed_at <= at.time; });
    if (!base) {
      throw Error(ErrorCode::not_found, fmt::format("{} is before what can be restored of {}", show(at.time), m_branch.subject()),
                  fmt::format("It can be restored from {} on. 'bpg branch history {}' shows what can be restored.",
                              restorable_from(m_bases.front()), m_branch.subject()));
    }
    auto later = wal::find_change_after(space(*base), at.time);
    if (!later && hand_over()) {
      later = wal::find_change_after(space(*base), at.time);
    }
    if (!later) {
      require_whole(*base);
    }
    return Target{*base, last_record_before(*base, later ? *later : reach(*base).end), at.time};
  }

  std::optional<Target> find(const AtLsn& at) {
    const Base* base = newest_base([&](const Base& candidate) { return candidate.bound <= at.lsn; });
    if (!base) {
      return std::nullopt;
    }
    if (!covers(*base, at.lsn) && (!hand_over() || !covers(*base, at.lsn))) {
      return std::nullopt;
    }
    const Base chosen = *base;
    const auto record = last_record_before(chosen, std::min(at.lsn, reach(chosen).end));
    return Target{chosen, record, std::nullopt};
  }

  std::optional<Target> find(const AtTransaction& at) {
    return find_record([&](const wal::SearchSpace& space) { return wal::find_transaction(space, at.xid); });
  }

  std::optional<Target> find(const AtRestorePoint& at) {
    return find_record([&](const wal::SearchSpace& space) { return wal::find_restore_point(space, at.name); });
  }

  /// Everything from the base to the record is there, and is what it was when it was archived.
  void check(RestorePlan& plan, const Target& target) const {
    if (!target.record) {
      return;
    }
    const uint64_t size = m_index.segment_size();
    std::vector<wal::FileName> needed;
    for (uint64_t number = segment_of(target.base.bound, size); number <= last_segment_before(target.record->end, size); ++number) {
      const auto name = wal::FileName::segment(m_history.timeline_of_segment(number, size), number, size);
      if (!m_index.find(name)) {
        throw not_restorable(fmt::format("{} is missing in its WAL archive", name.text), hint_after_gap(number));
      }
      needed.push_back(name);
    }
    const auto findings = wal::verify(m_archive, needed, {.deep = true, .jobs = static_cast<unsigned>(m_context.config.wal_jobs)});
    if (!findings.empty()) {
      throw not_restorable(fmt::format("{} in its WAL archive is damaged: {}", findings[0].name.text, findings[0].problem),
                           verify_hint());
    }
    plan.segments = needed.size();
    plan.wal_bytes = target.record->end.value - target.base.bound.value;
  }

  /// A time that the server's clock showed twice names no moment: what was committed by then stands on both sides of what came
  /// later.
  void refuse_where_the_clock_went_back(const Base& base, Time time) const {
    const auto later = wal::find_commit_after(space(base), time);
    if (!later) {
      return;
    }
    const auto earlier = wal::find_earlier_commit({m_archive, m_index, m_history, later->start}, time, later->what.time);
    if (earlier) {
      throw Error(ErrorCode::refused,
                  fmt::format("{} is no single moment of {}: its server's clock went back", show(time), m_branch.subject()),
                  fmt::format("The commit of {} at {} stands before that of {} at {}. Name the moment by its LSN, or by a transaction: "
                              "--at {}, --at xid:{}.",
                              show(later->what.time), later->start.str(), show(earlier->what.time), earlier->start.str(),
                              later->start.str(), earlier->what.xid));
    }
  }

  /// What is said of a moment that this history does not hold.
  std::string hint() const {
    return fmt::format("It can be restored from {} ({}) on. 'bpg branch history {}' shows what can be restored.",
                       restorable_from(m_bases.front()), m_bases.front().bound.str(), m_branch.subject());
  }

  std::string verify_hint() const { return fmt::format("'bpg wal verify {}' looks at all of it.", m_branch.subject()); }

  Error not_restorable(const std::string& why, const std::string& hint) const {
    return Error(ErrorCode::refused, fmt::format("that moment of {} cannot be restored: {}", m_branch.subject(), why), hint);
  }

 private:
  /// Also of a stay that has ended, where an undo went back to its volume.
  bool is_present() const { return m_stay.volume.id == m_branch.branch.volume; }

  std::string restorable_from(const Base& base) const { return show(base.snapshot.completed_at.value_or(m_stay.from)); }

  /// What can be restored although this segment is missing.
  std::string hint_after_gap(uint64_t missing) const {
    const auto later = std::ranges::find_if(
        m_bases, [&](const Base& base) { return segment_of(base.bound, m_index.segment_size()) > missing; });
    return fmt::format("{}'bpg wal info {}' shows what is there.",
                       later == m_bases.end() ? "" : fmt::format("Moments from {} on do not need it. ", restorable_from(*later)),
                       m_branch.subject());
  }

  wal::SearchSpace space(const Base& base) const { return {m_archive, m_index, m_history, base.bound}; }

  wal::Reach reach(const Base& base) const { return wal::reach_of(m_index, m_history, base.bound); }

  template <class Predicate>
  const Base* newest_base(Predicate allowed) const {
    const auto found = std::find_if(m_bases.rbegin(), m_bases.rend(), allowed);
    return found == m_bases.rend() ? nullptr : &*found;
  }

  /// Whether nothing is missing between the base and this position. PostgreSQL tells the end of a segment as the place
  /// behind the next one's header, where the next record will begin.
  bool covers(const Base& base, Lsn lsn) const {
    const wal::Reach reached = reach(base);
    const uint64_t size = m_index.segment_size();
    constexpr uint64_t long_header = 40;  // SizeOfXLogLongPHD in xlog_internal.h
    return lsn <= reached.end || (reached.first_missing && lsn.value <= *reached.first_missing->number(size) * size + long_header);
  }

  /// The record that recovery from the base is to stop behind; nothing where the base itself is that moment.
  std::optional<wal::Extent> last_record_before(const Base& base, Lsn before) const {
    const auto record = wal::find_last_record(space(base), before);
    // A clean base begins with the checkpoint at its bound, which is never replayed.
    const bool is_base = record && base.snapshot.consistency == Consistency::clean && record->start == base.bound;
    if (record && !is_base) {
      return record;
    }
    if (base.snapshot.consistency != Consistency::clean) {
      throw not_restorable("it is too close to its base", "Choose a moment that is a little later.");
    }
    return std::nullopt;
  }

  template <class Find>
  std::optional<Target> find_record(Find find) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      for (const Base& base : m_bases) {
        if (const auto found = find(space(base))) {
          const Base* nearest = newest_base([&](const Base& candidate) { return candidate.bound <= found->start; });
          return Target{*nearest, wal::Extent{found->start, found->end}, found->what.time};
        }
      }
      if (attempt == 0 && !hand_over()) {
        break;
      }
    }
    return std::nullopt;
  }

  /// Without a later commit the moment is the end of the WAL: then nothing of it may be missing.
  void require_whole(const Base& base) const {
    const wal::Reach reached = reach(base);
    const uint64_t size = m_index.segment_size();
    const uint64_t missing = reached.first_missing ? reached.first_missing->number(size).value_or(0) : 0;
    // A server that was shut down has begun a new segment for its last checkpoint, in which nothing else stands.
    const uint64_t end = m_expected_end ? *m_expected_end : segment_of(m_control.checkpoint, size);
    if (!m_expected_end && !m_control.shut_down) {
      const std::string start = is_present() ? fmt::format("Start it: 'bpg start {}'.", m_branch.subject())
                                             : fmt::format("Go back to it, which starts it: 'bpg branch undo {} --to {}'.",
                                                           m_branch.subject(), m_stay.volume.id.str());
      throw not_restorable("its server was killed, and the end of its WAL is not in the archive yet",
                           start + " What was committed before is restorable by a time before the last archived commit.");
    }
    if (reached.broken_at || missing < end) {
      throw not_restorable(reached.broken_at ? fmt::format("its WAL cannot be read from {} on", reached.broken_at->str())
                                             : fmt::format("{} is missing in its WAL archive", reached.first_missing->text),
                           hint_after_gap(missing));
    }
  }

  /// Asks the server, where it runs, to hand over the segment that is still open, and waits for it. False where nothing new
  /// can have come.
  bool hand_over() {
    if (m_expected_end || !is_present() || !server_status(m_context, m_stay.volume.id).ready) {
      return false;
    }
    step("switch WAL", [&] {
      postgres::Session session(admin_endpoint(m_context, m_branch.branch, m_stay.volume.id));
      const auto end = Lsn::parse(session.query_value("SELECT pg_switch_wal()"));
      const uint64_t size = m_index.segment_size();
      const uint64_t last = last_segment_before(end.value_or(Lsn{}), size);
      const auto name = wal::FileName::segment(m_control.timeline, last, size);
      const auto deadline = std::chrono::steady_clock::now() + handover_deadline;
      while (!m_archive.contains(name)) {
        throw_if_interrupted();
        if (std::chrono::steady_clock::now() > deadline) {
          throw Error(ErrorCode::busy, fmt::format("{} of {} was not archived within {}", name.text, m_branch.subject(),
                                                   format_duration(handover_deadline)),
                      fmt::format("'bpg wal info {}' shows why.", m_branch.subject()));
        }
        ::poll(nullptr, 0, 5);
      }
      m_expected_end = last + 1;
    });
    m_index = wal::Index::read(m_archive);
    return true;
  }

  const Context& m_context;
  const BranchRef& m_branch;
  const Stay& m_stay;
  wal::Archive m_archive;
  std::vector<Base> m_bases;
  postgres::ControlFile m_control;
  wal::History m_history;
  wal::Index m_index;
  std::optional<uint64_t> m_expected_end{};  ///< the first segment that cannot be in the archive yet, once that is known
};

void require_archive(const BranchRef& branch, const Stay& stay) {
  if (stay.volume.state == State::deleted || stay.volume.state == State::deleting) {
    throw Error(ErrorCode::not_found,
                fmt::format("the volume that {} was on then has been freed", branch.subject()),
                fmt::format("'bpg branch history {}' shows what can be restored.", branch.subject()));
  }
  if (!stay.volume.archived) {
    throw Error(ErrorCode::refused, fmt::format("the WAL of {} is not archived", branch.subject()),
                "Only its snapshots can be restored: it was made with --no-archive or --ttl, by 'bpg exec', or by a bpg that had no archive.");
  }
}

RestorePlan plan_in(const Stay& stay, const Moment& moment, const VolumeHistory& history, const Target& target) {
  RestorePlan plan{.moment = moment,
                   .volume = stay.volume,
                   .base = target.base.snapshot,
                   .timeline = history.timeline(),
                   .end = target.record ? target.record->end : target.base.bound,
                   .time = target.time};
  if (target.record) {
    plan.last_record = target.record->start;
  }
  step("check WAL", [&] {
    history.check(plan, target);
    if (const auto* at = std::get_if<AtTime>(&moment)) {  // read only what is known to be whole
      history.refuse_where_the_clock_went_back(target.base, at->time);
    }
  });
  return plan;
}

/// Where the moment is. To find it, WAL is read that may be damaged.
template <class At>
std::optional<Target> find_in(VolumeHistory& history, const At& at) {
  try {
    return history.find(at);
  } catch (const Error& error) {
    throw error.code() == ErrorCode::storage ? history.not_restorable(error.message(), history.verify_hint()) : error;
  }
}

RestorePlan plan_time(const Context& context, const BranchRef& branch, const std::vector<Stay>& stays, const AtTime& at) {
  if (at.time > context.clock.now()) {
    throw Error(ErrorCode::usage, fmt::format("{} is in the future", show(at.time)), "'now' is the present state.");
  }
  const auto stay = std::find_if(stays.rbegin(), stays.rend(), [&](const Stay& candidate) { return candidate.from <= at.time; });
  if (stay == stays.rend()) {
    throw Error(ErrorCode::not_found, fmt::format("{} did not exist at {}", branch.subject(), show(at.time)),
                fmt::format("It was made at {}.", show(branch.branch.created_at)));
  }
  require_archive(branch, *stay);
  if (!stay->volume.started) {
    throw Error(ErrorCode::refused, fmt::format("{} has not been started yet: it has no history", branch.subject()),
                fmt::format("'bpg start {}' starts it.", branch.subject()));
  }
  VolumeHistory history(context, branch, *stay);
  return plan_in(*stay, at, history, find_in(history, at).value());
}

bool has_history(const Volume& volume) {
  return volume.archived && volume.started && volume.state != State::deleted && volume.state != State::deleting;
}

template <class At>
RestorePlan plan_position(const Context& context, const BranchRef& branch, const std::vector<Stay>& stays, const At& at) {
  require_archive(branch, stays.back());
  std::vector<VolumeId> seen;
  std::string hint;
  for (auto stay = stays.rbegin(); stay != stays.rend(); ++stay) {
    const bool is_new = std::ranges::find(seen, stay->volume.id) == seen.end();
    seen.push_back(stay->volume.id);
    if (!is_new || !has_history(stay->volume)) {
      continue;
    }
    VolumeHistory history(context, branch, *stay);
    if (const auto target = find_in(history, at)) {
      return plan_in(*stay, at, history, *target);
    }
    hint = history.hint();  // of the oldest, in the end
  }
  throw Error(ErrorCode::not_found, fmt::format("{} is not in the history of {}", to_string(Moment(at)), branch.subject()), hint);
}

RestorePlan find_plan(const Context& context, const BranchRef& branch, const Moment& moment) {
  const auto stays = stays_of(context, branch.branch);
  if (const auto* at = std::get_if<AtTime>(&moment)) {
    return plan_time(context, branch, stays, *at);
  }
  if (const auto* at = std::get_if<AtLsn>(&moment)) {
    return plan_position(context, branch, stays, *at);
  }
  if (const auto* at = std::get_if<AtTransaction>(&moment)) {
    return plan_position(context, branch, stays, *at);
  }
  if (const auto* at = std::get_if<AtRestorePoint>(&moment)) {
    return plan_position(context, branch, stays, *at);
  }
  return plan_time(context, branch, stays, {context.clock.now()});
}

}  // namespace

RestorePlan plan_restore(const Context& context, const BranchRef& branch, const Moment& moment) {
  RestorePlan plan = find_plan(context, branch, moment);
  plan.estimated = restore_speed(context.catalog).estimate(plan.wal_bytes);
  return plan;
}

}  // namespace bpg::engine
