#include "bpg/engine/wal_verify.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/archived_wal.hpp"
#include "bpg/engine/wal_archive.hpp"
#include "bpg/engine/wal_info.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/wal/verify.hpp"

namespace bpg::engine {

namespace {

/// As few that an interrupt need not wait long, and that progress is seen.
constexpr size_t files_at_a_time = 32;

bool has_files(const Volume& volume) { return volume.state == State::ready || volume.state == State::retired; }

std::vector<Volume> chosen(const Context& context, const std::optional<Subject>& subject) {
  std::vector<Volume> volumes;
  if (subject) {
    const BranchRef branch = find_branch(context, *subject);
    volumes = context.catalog.volumes.of_branch(branch.branch.id);
    std::erase_if(volumes, [](const Volume& volume) { return !volume.archived || !has_files(volume); });
    if (volumes.empty()) {
      throw Error(ErrorCode::refused, fmt::format("the WAL of {} is not archived", branch.subject()),
                  "Without SUBJECT all archives are looked at.");
    }
    return volumes;
  }
  volumes = context.catalog.volumes.list();
  std::erase_if(volumes, [](const Volume& volume) { return !volume.archived || !has_files(volume); });
  return volumes;
}

void add_gaps(const Context& context, const Volume& volume, VerifiedWal& verified) {
  const ArchivedWal wal = read_archived_wal(context, volume);
  const auto bases = without_removed(bases_of(context, volume), wal.index.segment_size(), wal.kept_from);
  const auto damaged = [&](const std::string& name) {
    return std::ranges::any_of(wal.index.damaged(), [&](const auto& file) { return file.name.text == name; });
  };
  for (const WalGap& gap : to_gaps(gaps_after(bases, wal), wal.index.segment_size())) {
    if (gap.segments == 1 && damaged(gap.first)) {
      continue;  // told already
    }
    verified.findings.push_back({gap.first, gap.segments == 1 ? "it is missing"
                                                              : fmt::format("it is missing, with all up to {}", gap.last)});
  }
}

VerifiedWal verify_volume(const Context& context, const Volume& volume, bool deep) {
  VerifiedWal verified{.subject = subject_of(context.catalog, volume.branch), .volume = volume.id};
  const wal::VerifyOptions options{.deep = deep, .jobs = static_cast<unsigned>(context.config.wal_jobs)};
  try {
    const auto archive = open_wal_archive(context, volume.id);
    const auto names = archive.list();
    for (size_t first = 0; first < names.size(); first += files_at_a_time) {
      throw_if_interrupted();
      trace().report({.unit = Trace::Amount::Unit::items, .done = first, .total = names.size()});
      const size_t count = std::min(files_at_a_time, names.size() - first);
      const auto begin = names.begin() + static_cast<std::ptrdiff_t>(first);
      for (auto& finding : wal::verify(archive, {begin, begin + static_cast<std::ptrdiff_t>(count)}, options)) {
        verified.findings.push_back({finding.name.text, std::move(finding.problem)});
      }
    }
    verified.files = names.size();
    add_gaps(context, volume, verified);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::storage) {
      throw;
    }
    verified.findings.push_back({"", error.message()});
  }
  return verified;
}

}  // namespace

std::vector<VerifiedWal> verify_wal(const Context& context, const VerifyWal& request) {
  std::vector<VerifiedWal> all;
  for (const Volume& volume : chosen(context, request.subject)) {
    all.push_back(step("verify WAL", [&] { return verify_volume(context, volume, request.deep); }));
  }
  return all;
}

}  // namespace bpg::engine
