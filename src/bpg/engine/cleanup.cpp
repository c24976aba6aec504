#include "bpg/engine/cleanup.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/delete_branch.hpp"
#include "bpg/engine/purge.hpp"
#include "bpg/util/error.hpp"

namespace bpg::engine {

namespace {

std::string moment(Time time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }

class CleaningUp {
 public:
  CleaningUp(Context& context, const CleanUp& request) : m_context(context), m_request(request), m_now(context.clock.now()) {}

  std::vector<CleanUpEntry> run() {
    if (m_request.expired) {
      delete_expired();
    }
    if (m_request.deleted) {
      free_retained();
    }
    return std::move(m_entries);
  }

 private:
  void delete_expired() {
    auto branches = m_context.catalog.branches.list_live();
    std::ranges::reverse(branches);  // by creation: children come before their parents
    for (const Branch& branch : branches) {
      const auto database = m_context.catalog.databases.find(branch.database);
      if (has_expired(branch) && database) {
        m_entries.push_back(delete_if_possible({*database, branch}));
      }
    }
  }

  bool has_expired(const Branch& branch) const {
    return branch.state == State::ready && branch.expires_at && *branch.expires_at <= m_now;
  }

  CleanUpEntry delete_if_possible(const BranchRef& branch) {
    auto volumes = view_retained(m_context, {volume_of(m_context, branch.branch)}, Measure::yes);
    CleanUpEntry entry{.kind = CleanUpEntry::Kind::expired_branch,
                       .volume = std::move(volumes.front()),
                       .expires_at = branch.branch.expires_at};
    entry.volume.held_by.clear();  // by the branch itself
    entry.why = what_keeps(branch);
    if (entry.why.empty()) {
      entry.deleted = true;
      entry.freed = m_request.now;
      entry.why = fmt::format("expired at {}, and no branch comes from it", moment(*branch.branch.expires_at));
      m_going.push_back(branch.branch.id);
    }
    return entry;
  }

  /// Deletes the branch unless this is a dry run; why it has to stay, or nothing.
  std::string what_keeps(const BranchRef& branch) {
    for (const Branch& child : m_context.catalog.branches.live_children(branch.branch.id)) {
      if (std::ranges::find(m_going, child.id) == m_going.end()) {
        return fmt::format("{}/{} comes from it", branch.database.name, child.name);
      }
    }
    if (m_request.dry_run) {
      return {};
    }
    try {
      delete_branch(m_context, {.subject = {branch.database.name, branch.branch.name}, .now = m_request.now, .if_expired_by = m_now});
      return {};
    } catch (const Error& error) {
      if (error.code() == ErrorCode::busy || error.code() == ErrorCode::has_children || error.code() == ErrorCode::refused) {
        return error.message();
      }
      throw;
    }
  }

  void free_retained() {
    for (RetainedView& retained : list_retained(m_context, Measure::yes)) {
      CleanUpEntry entry{.volume = std::move(retained)};
      const auto& until = entry.volume.keep_until;
      const bool in_window = until && *until > m_now;
      if (!entry.volume.held_by.empty()) {
        entry.why = fmt::format("{} needs it", entry.volume.held_by);
      } else if (in_window && !m_request.now) {
        entry.why = fmt::format("in its retention window until {}", moment(*until));
      } else {
        entry.freed = true;
        entry.why = fmt::format("{}, and nothing needs it", in_window ? "--now was given" : "its retention window has passed");
        if (!m_request.dry_run) {
          purge(m_context, entry.volume.volume);
        }
      }
      m_entries.push_back(std::move(entry));
    }
  }

  Context& m_context;
  const CleanUp& m_request;
  Time m_now;
  std::vector<BranchId> m_going;
  std::vector<CleanUpEntry> m_entries;
};

}  // namespace

std::vector<RetainedView> list_retained(const Context& context, Measure measure) {
  return view_retained(context, context.catalog.volumes.list(State::retired), measure);
}

std::vector<CleanUpEntry> clean_up(Context& context, const CleanUp& request) { return CleaningUp(context, request).run(); }

}  // namespace bpg::engine
